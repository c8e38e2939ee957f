"""Heads step by step as published: the oracle of our heads, in value and in cost.

Nothing in `formulations` is folded, fused or chunked. What the published codes write to memory is written to
memory there, because `bench profile methods` measures it; parameters have their published names.
"""

from collections.abc import Mapping

from bench.methods.head import Head
from bench.methods.options import Options
from bench.methods.published.formulations.add_gcn import PublishedADDGCN
from bench.methods.published.formulations.csra import PublishedCSRA
from bench.methods.published.formulations.ml_gcn import PublishedMLGCN
from bench.methods.published.formulations.salgl import PublishedSALGL
from bench.methods.published.formulations.ssgrl import PublishedSSGRL

FORMULATIONS: dict[str, type[Head]] = {
    "ml-gcn": PublishedMLGCN,
    "ssgrl": PublishedSSGRL,
    "add-gcn": PublishedADDGCN,
    "salgl": PublishedSALGL,
    "csra": PublishedCSRA,
}

# Options for which the published code knows one value.
FIXED: dict[str, Mapping[str, object]] = {
    "ml-gcn": {"layers": 2},
    "add-gcn": {"nodes": "sam", "maps": "cls-gmp", "graph": "static-dynamic", "representation": "bi"},
}


def formulation_of(method: str, options: Options) -> type[Head] | None:
    """The published formulation of a method; None where there is none, or none with these options."""
    fixed = FIXED.get(method, {})
    known = all(getattr(options, name) == value for name, value in fixed.items())
    return FORMULATIONS.get(method) if known else None
