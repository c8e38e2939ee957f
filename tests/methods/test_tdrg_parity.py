"""TDRG against what the published implementation computes, on weights and inputs from a formula."""

import copy
import functools
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.methods.head import HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import TDRGOptions
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.names import convert
from bench.methods.tdrg import TDRGHead
from parity_checks import GRADIENTS, OUTPUTS, SINGLE, assert_close, assert_norms
from parity_weights import Arrays, draw, float64, published_weight
from places import PARITY

CLASSES, SIZE = 20, 14
VECTORS = PARITY / "tdrg_c20_s14.npz"
PREFIXES = ("", "published_")

pytestmark = pytest.mark.skipif(not VECTORS.is_file(), reason="the reference vectors of TDRG are not here")


def published_state(seed: int) -> dict[str, Tensor]:
    shapes = json.loads((PARITY / "tdrg_c20.manifest.json").read_text())
    return {name: published_weight(seed, name, tuple(shape)) for name, shape in shapes.items()}


def build() -> TDRGHead:
    nothing = np.zeros((CLASSES, CLASSES), np.int64)
    labels = LabelSpace(tuple(map(str, range(CLASSES))), np.zeros((CLASSES, 0)), nothing[0], nothing, 0)
    return TDRGHead(2048, labels, TDRGOptions(attention="batch"), 1024)


def maps_of(seed: int) -> tuple[Tensor, Tensor]:
    """The last map and the one before it."""
    shapes = {"features4": (2, 2048, SIZE, SIZE), "features3": (2, 1024, 2 * SIZE, 2 * SIZE)}
    last, earlier = (torch.from_numpy(np.maximum(draw(seed, *item), 0)) for item in shapes.items())
    return last, earlier


@dataclass
class Step:
    """A training step by one loss."""

    loss: Tensor
    at_last: Tensor
    at_earlier: Tensor
    norms: dict[str, float]


@dataclass
class Measured:
    expected: Arrays
    evaluated: HeadOutput
    alone: Tensor
    trained: Tensor
    steps: dict[str, Step]
    single: dict[str, Tensor]


@functools.cache
def measure() -> Measured:
    with np.load(VECTORS) as stored:
        expected: Arrays = dict(stored)
    seed = int(expected["seed"])
    last, earlier = maps_of(seed)
    targets = torch.from_numpy(expected["labels"])
    with float64():
        head = build()
        head.load_state_dict(convert("tdrg", published_state(seed)))
        with torch.no_grad():
            evaluated = head.eval()(last, earlier=earlier)
            pairs = zip(last, earlier, strict=True)
            alone = torch.cat([head(one[None], earlier=other[None]).logits for one, other in pairs])
        steps = {prefix: step(head, last, earlier, targets, bool(prefix)) for prefix in PREFIXES}
        trained = copy.deepcopy(head).train()(last, earlier=earlier).logits.detach()
    small = copy.deepcopy(head).float()
    with torch.no_grad():
        single = {
            "logits_eval": small.eval()(last.float(), earlier=earlier.float()).logits,
            "logits_train": small.train()(last.float(), earlier=earlier.float()).logits,
        }
    return Measured(expected, evaluated, alone, trained, steps, single)


def step(head: TDRGHead, last: Tensor, earlier: Tensor, targets: Tensor, published: bool) -> Step:
    head = copy.deepcopy(head).train()
    last, earlier = (one.clone().requires_grad_() for one in (last, earlier))
    output = head(last, targets, earlier=earlier)
    loss = F.binary_cross_entropy_with_logits(output.logits, targets)
    if published:
        loss = loss + sum(output.auxiliary.values())
    loss.backward()
    assert last.grad is not None and earlier.grad is not None
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    norms = {
        name: float(gradient.norm())
        for name, place in PUBLISHED["tdrg"].places.items()
        if (gradient := gradients.get(place.name)) is not None
    }
    return Step(loss.detach(), last.grad, earlier.grad, norms)


def check(name: str, ours: Tensor, tolerance: float) -> None:
    assert_close("tdrg", name, ours, measure().expected[name], tolerance)


def test_logits_and_views_are_the_published_ones() -> None:
    measured = measure()
    check("logits_eval", measured.evaluated.logits, OUTPUTS)
    check("logits_train", measured.trained, OUTPUTS)
    views = measured.evaluated.views
    for name in ("out_trans", "out_gcn", "out_sac"):
        check(f"eval_{name}", views[name], OUTPUTS)
    check("eval_joint_correlation", views["graph"].mT, OUTPUTS)


def test_images_alone_are_scored_as_published_which_is_not_as_in_the_batch() -> None:
    measured = measure()
    check("logits_eval_alone", measured.alone, OUTPUTS)
    largest = measured.evaluated.logits.abs().max()
    assert (measured.alone - measured.evaluated.logits).abs().max() > 0.05 * largest


def test_logits_in_single_precision() -> None:
    for name, logits in measure().single.items():
        check(name, logits, SINGLE)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_losses_and_gradients_are_the_published_ones(prefix: str) -> None:
    measured = measure()
    found = measured.steps[prefix]
    check(f"{prefix}loss_train", found.loss, OUTPUTS)
    for name, gradient in (("features3", found.at_earlier), ("features4", found.at_last)):
        check(f"{prefix}grad_{name}_norm", gradient.norm(), GRADIENTS)
        check(f"{prefix}grad_{name}_corner", gradient[:, :8, :2, :2], GRADIENTS)
    start = f"{prefix}gradnorm:"
    norms = {
        name.removeprefix(start): float(value)
        for name, value in measured.expected.items()
        if name.startswith(start)
    }
    assert_norms("tdrg", found.norms, norms)


def test_every_stored_number_is_compared() -> None:
    compared = {"logits_eval", "logits_train", "logits_eval_alone", "eval_joint_correlation"}
    compared |= {f"eval_out_{name}" for name in ("trans", "gcn", "sac")}
    for prefix in PREFIXES:
        compared |= {f"{prefix}loss_train"}
        compared |= {
            f"{prefix}grad_features{number}_{kind}" for number in (3, 4) for kind in ("norm", "corner")
        }
    stored = {name for name in measure().expected if "gradnorm:" not in name}
    assert stored == compared | {"seed", "labels"}


def test_the_names_are_those_of_the_manifest() -> None:
    names = json.loads((PARITY / "tdrg_c20.manifest.json").read_text()).keys()
    head = PUBLISHED["tdrg"]
    assert names == head.places.keys() | head.unused.keys()
    assert {place.name for place in head.places.values()} == build().state_dict().keys()
