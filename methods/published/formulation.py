"""Heads step by step as published: the oracle of our heads, in value and in cost.

Nothing in `formulations` is folded, fused or chunked. What the published codes write to memory is written to
memory there, because `bench profile methods` measures it; parameters have their published names.
"""

from collections.abc import Mapping

from torch import Tensor

from bench.methods.head import Head
from bench.methods.options import Options
from bench.methods.published.formulations.add_gcn import PublishedADDGCN
from bench.methods.published.formulations.c_tran import PublishedCTran
from bench.methods.published.formulations.csra import PublishedCSRA
from bench.methods.published.formulations.ml_decoder import PublishedMLDecoder
from bench.methods.published.formulations.ml_gcn import PublishedMLGCN
from bench.methods.published.formulations.query2label import PublishedQuery2Label
from bench.methods.published.formulations.salgl import PublishedSALGL
from bench.methods.published.formulations.ssgrl import PublishedSSGRL
from bench.methods.published.formulations.tdrg import PublishedTDRG
from bench.methods.published.names import convert

FORMULATIONS: dict[str, type[Head]] = {
    "ml-gcn": PublishedMLGCN,
    "ssgrl": PublishedSSGRL,
    "add-gcn": PublishedADDGCN,
    "salgl": PublishedSALGL,
    "csra": PublishedCSRA,
    "query2label": PublishedQuery2Label,
    "ml-decoder": PublishedMLDecoder,
    "tdrg": PublishedTDRG,
    "c-tran": PublishedCTran,
}

# What the formulation uses and the published code only stores, by our name.
_STORED: dict[str, Mapping[str, str]] = {
    "tdrg": {
        "scales.places.rows": "positional_embedding.row_embed.weight",
        "scales.places.columns": "positional_embedding.col_embed.weight",
    }
}

# Options for which the published code knows one value.
FIXED: dict[str, Mapping[str, object]] = {
    "ml-gcn": {"layers": 2},
    "add-gcn": {"nodes": "sam", "maps": "cls-gmp", "graph": "static-dynamic", "representation": "bi"},
    "query2label": {"encoder_layers": 1, "decoder_layers": 2},
    "c-tran": {"layers": 3, "positions": False},
}


def weights_of(method: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a formulation by the names of ours; more than ours has where options leave parts out."""
    return convert(method, state) | {ours: state[name] for ours, name in _STORED.get(method, {}).items()}


def formulation_of(method: str, options: Options) -> type[Head] | None:
    """The published formulation of a method; None where there is none, or none with these options."""
    fixed = FIXED.get(method, {})
    known = all(getattr(options, name) == value for name, value in fixed.items())
    return FORMULATIONS.get(method) if known else None
