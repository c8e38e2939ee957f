"""Checkpoints with the names of the published ones, small: ResNet-18 and narrow heads, drawn at random."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import models

from bench.engine.models.import_published import Given, import_published
from bench.engine.models.model_file import Trained
from bench.errors import UserError
from bench.methods.published.checkpoints import LAYOUTS
from places import PARITY

# The published code of each method's checkpoint.
CODES = {
    "ml-gcn": "ml-gcn",
    "ssgrl": "ssgrl",
    "add-gcn": "add-gcn",
    "salgl": "salgl",
    "resnet": "multilabelclassification",
    "query2label": "query2label",
    "c-tran": "c-tran",
}
NEEDS_VECTORS = ("ml-gcn", "ssgrl")

DIM, HIDDEN, WIDTH, SCENES = 512, 16, 8, 3
# What the published sizes become: channels, twice and three times those, hidden width, label vectors.
SMALL = {2048: DIM, 4096: 2 * DIM, 6144: 3 * DIM, 300: WIDTH, 768: WIDTH, 6: SCENES}
SMALL |= {1024: HIDDEN, 8192: HIDDEN}


@cache
def made_backbone() -> dict[str, Tensor]:
    """A ResNet-18 under torchvision's names, with batch statistics of its own."""
    torch.manual_seed(0)
    state: dict[str, Tensor] = models.resnet18(weights=None).state_dict()
    for name, tensor in state.items():
        if name.endswith(("running_mean", "running_var")):
            tensor += 0.1 * torch.rand_like(tensor)
    return state


def made_state(method: str, classes: int = 20) -> dict[str, Tensor]:
    """A published state dict of `method`, without label graph."""
    layout = LAYOUTS[method]
    parts = layout.parts
    named = {index: part for part, index in LAYOUTS["ssgrl"].parts.items()}
    backbone = {}
    for part, index in parts.items():
        for name, tensor in made_backbone().items():
            if name.startswith(f"{named[index]}."):
                backbone[f"{layout.prefix}{part}.{name.partition('.')[2]}"] = tensor.clone()
    if method == "resnet":
        shapes = {"network.fc.weight": [classes, DIM], "network.fc.bias": [classes]}
    else:
        shapes = json.loads((PARITY / f"{method}_c20.manifest.json").read_text())
    generator = torch.Generator().manual_seed(1)
    head = {}
    for name, shape in shapes.items():
        if name in ("A", "mask_mat", "comatrix"):
            continue
        small = [classes if size == 20 else SMALL.get(size, size) for size in shape]
        if name.startswith("gcn.conv_create_co_mat.weight"):
            small[1] = 2 * HIDDEN  # it reads two vectors of the hidden width
        head[name] = 0.1 * torch.randn(small, generator=generator)
    if "gcn.bn_global.num_batches_tracked" in head:
        head["gcn.bn_global.num_batches_tracked"] = torch.tensor(3)
        head["gcn.bn_global.running_var"].abs_()
    if method == "salgl":
        counts = torch.rand(SCENES, classes, classes, generator=generator) * 20
        head["comatrix"] = counts + counts.mT + 40 * torch.eye(classes)
    if method == "add-gcn":
        head["mask_mat"] = torch.eye(classes)
    return {**backbone, **head}


def write(path: Path, content: object, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


@cache
def state(method: str) -> dict[str, Tensor]:
    """The small checkpoint of `method` for 20 classes; it is shared, so it must not be changed."""
    tensors = made_state(method)
    if method == "ml-gcn":
        with np.load(PARITY / "ml-gcn_c20_s14.npz") as stored:
            tensors["A"] = torch.from_numpy(stored["A"]).float()
    return tensors


def write_constants(folder: Path) -> None:
    """The label vectors and the label graph that go with `state`, as `vectors.npy` and `graph.npz`."""
    np.save(folder / "vectors.npy", np.random.default_rng(0).standard_normal((20, WIDTH)).astype(np.float32))
    with np.load(PARITY / "ml-gcn_c20_s14.npz") as stored:
        np.savez(folder / "graph.npz", nums=stored["nums"], adj=stored["adj"])


def given_in(folder: Path, method: str, **changes: Any) -> Given:
    """What must be said of the checkpoint of `method`, with the constants in `folder`."""
    constants = {
        "vectors": folder / "vectors.npy" if method in NEEDS_VECTORS else None,
        "graph": folder / "graph.npz" if method == "ssgrl" else None,
    }
    return Given(**{"code": CODES[method], "data": "voc2007", **constants, **changes})


def refusal(path: Path, given: Given) -> str:
    with pytest.raises(UserError) as error:
        import_published(path, given)
    return str(error.value)


def same(one: Trained, other: Trained) -> bool:
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
