"""Whole published models, ResNet-101 and head, rebuilt from the names and shapes of their checkpoints."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.errors import UserError
from bench.experiment.methods import options_of, parse_methods
from bench.methods.label_space import LabelSpace
from bench.methods.published.model import build_published, check_names, sizes_of
from parity_checks import OUTPUTS, SINGLE, assert_close
from parity_weights import Arrays, draw, float64, published_weight
from places import PARITY

METHODS = ("ml-gcn", "ssgrl", "add-gcn", "salgl")
CLASSES = 20


def manifest(method: str) -> dict[str, list[int]]:
    shapes: dict[str, list[int]] = json.loads((PARITY / f"{method}_full_c20.manifest.json").read_text())
    return shapes


def scene_memory(seed: int) -> Tensor:
    memory = np.random.Generator(np.random.PCG64([seed, 8])).random((6, CLASSES, CLASSES)) * 20
    memory = (memory + memory.transpose(0, 2, 1)) / 2
    memory[:, range(CLASSES), range(CLASSES)] = 40 + np.arange(CLASSES)
    return torch.from_numpy(memory)


def label_space(method: str, expected: Arrays) -> LabelSpace:
    nothing = np.zeros((CLASSES, CLASSES))
    return LabelSpace(
        names=tuple(f"class {index}" for index in range(CLASSES)),
        vectors=draw(int(expected["seed"]), "embeddings", (CLASSES, 768 if method == "salgl" else 300)),
        counts=expected.get("nums", nothing[0]).astype(np.int64),
        cooccurrence=expected.get("adj", nothing).astype(np.int64),
        num_images=0,
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_logits_of_the_whole_model_are_the_published_ones(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every parameter is replaced, so drawing them first would only take time.
    for name in ("kaiming_normal_", "kaiming_uniform_", "uniform_"):
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    with np.load(PARITY / f"{method}_full_c20.npz") as stored:
        expected: Arrays = dict(stored)
    seed = int(expected["seed"])
    tensors = {name: published_weight(seed, name, tuple(shape)) for name, shape in manifest(method).items()}
    if method == "salgl":
        tensors["comatrix"] = scene_memory(seed)
    told = [f"{option}={value}" for option, value in sizes_of(method, tensors).items()]
    (choice,) = parse_methods(("/".join([method, *told]),))
    assert choice.label() == method, "the sizes in the checkpoint are those of the published options"
    image = torch.from_numpy(draw(seed, "image", (1, 3, 448, 448)))
    with float64():
        model = build_published(method, tensors, label_space(method, expected), options_of(choice))
        with torch.no_grad():
            double = model.head(model.backbone(image)).logits
            single = model.float().head(model.backbone(image.float())).logits
    for logits, tolerance in ((double, OUTPUTS), (single, SINGLE)):
        assert_close(f"{method}_full", "logits_eval", logits, expected["logits_eval"], tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_the_names_of_the_manifest_are_accepted_and_no_others(method: str) -> None:
    tensors = {name: torch.empty(0) for name in manifest(method)}
    assert check_names(method, tensors) == "resnet101"
    gone = ["layer4.2.conv3.weight", "7.2.conv3.weight"]
    (removed,) = (name for name in tensors if name.endswith(tuple(gone)))
    head = next(name for name in tensors if name.startswith(("gc1.", "fc_output", "last_linear", "fc.0")))
    stray = removed.replace("conv3.weight", "conv4.weight")
    changed = {name: tensor for name, tensor in tensors.items() if name not in (removed, head)}
    with pytest.raises(UserError) as error:
        check_names(method, {**changed, stray: torch.empty(0), "extra.weight": torch.empty(0)})
    missing, _, unexpected = str(error.value).partition("unexpected")
    assert removed in missing and head in missing
    assert stray in unexpected and "extra.weight" in unexpected
