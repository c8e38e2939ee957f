"""Every head in a size that computes in milliseconds, and inputs for it."""

from typing import Any

from bench.methods.catalog import METHODS, Method
from bench.methods.contract import CHANNELS, CLASSES, WIDTH, batch, label_space, loss_of, train_once
from bench.methods.head import Head
from bench.methods.label_space import LabelSpace
from bench.methods.small import new_head

__all__ = ["CHANNELS", "CLASSES", "WIDTH", "batch", "label_space", "loss_of"]  # used by tests from here

HIDDEN, SCENES = 12, 3

_SALGL = {"scenes": SCENES, "hidden": HIDDEN, "feedforward": 24, "dropout": 0}
_QUERIES = {"feedforward": 24, "dropout": 0}
# So many that the one image of the smallest batch is told some.
_TOLD = {"feedforward": 24, "dropout": 0, "layers": 2, "known": 0.9}
_SOFT = {**_SALGL, "soft": True, "self_loops": False, "positions": True}

# The method and its options, by a name of the variant.
SMALL: dict[str, tuple[Method, dict[str, Any]]] = {
    "resnet": (METHODS["resnet"], {}),
    "resnet-max": (METHODS["resnet"], {"pool": "max"}),
    "ml-gcn": (METHODS["ml-gcn"], {"hidden": HIDDEN}),
    "ssgrl": (METHODS["ssgrl"], {"hidden": HIDDEN}),
    "salgl": (METHODS["salgl"], _SALGL),
    "salgl-soft": (METHODS["salgl"], _SOFT),
    "add-gcn": (METHODS["add-gcn"], {"hidden": HIDDEN}),
    "add-gcn-attention": (METHODS["add-gcn"], {"hidden": HIDDEN, "graph": "none"}),
    "add-gcn-graphs": (METHODS["add-gcn"], {"hidden": HIDDEN, "nodes": "conv"}),
    # Its scores are bounded by the features; with the published weight it cannot learn noise by heart.
    "csra": (METHODS["csra"], {"lam": 3.0}),
    "csra-4heads": (METHODS["csra"], {"heads": 4, "lam": 0.5}),
    "ml-decoder": (METHODS["ml-decoder"], {"width": 24, "feedforward": 20, "heads": 4, "dropout": 0}),
    # every option away from its default
    "add-gcn-other": (
        METHODS["add-gcn"],
        {"hidden": HIDDEN, "maps": "gmp-cls", "graph": "parallel-cat", "representation": "max"},
    ),
    "query2label": (METHODS["query2label"], _QUERIES),
    "query2label-project": (METHODS["query2label"], {**_QUERIES, "project": True, "width": HIDDEN}),
    "c-tran": (METHODS["c-tran"], _TOLD),
    "c-tran-positions": (METHODS["c-tran"], {**_TOLD, "positions": True, "known": 0, "layers": 1}),
    "tdrg": (METHODS["tdrg"], {"hidden": HIDDEN, "feedforward": 24}),
    "tdrg-batch": (METHODS["tdrg"], {"hidden": HIDDEN, "feedforward": 24, "attention": "batch"}),
}


def build(name: str, labels: LabelSpace | None = None) -> Head:
    return new_head(*SMALL[name], labels)


def trained(name: str) -> Head:
    """A head after one step, so that statistics and memories are no longer at their start."""
    head = build(name)
    train_once(head, *batch())
    head.zero_grad()
    return head.eval()
