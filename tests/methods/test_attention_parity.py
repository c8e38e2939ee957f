"""Query2Label and C-Tran against what the published implementations compute; see `test_heads_parity`."""

import copy
import functools
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.methods.c_tran import CTranHead
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import CTranOptions, Query2LabelOptions
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.names import convert
from bench.methods.query2label import Query2LabelHead
from parity_checks import GRADIENTS, OUTPUTS, SINGLE, assert_close, assert_norms, published_gradient_norms
from parity_weights import Arrays, draw, float64, published_weight
from places import PARITY

CASES = ("query2label", "query2label-proj", "c-tran")
CLASSES, CHANNELS, SIZE = 20, 2048, 14


def method_of(case: str) -> str:
    return case.removesuffix("-proj")


def published_state(case: str, seed: int) -> dict[str, Tensor]:
    shapes = json.loads((PARITY / f"{case}_c20.manifest.json").read_text())
    unused = PUBLISHED[method_of(case)].unused
    return {n: published_weight(seed, n, tuple(shape)) for n, shape in shapes.items() if n not in unused}


def build(case: str) -> Head:
    nothing = np.zeros((CLASSES, CLASSES))
    names = tuple(f"class {index}" for index in range(CLASSES))
    labels = LabelSpace(names, nothing[:, :0], nothing[0].astype(np.int64), nothing.astype(np.int64), 0)
    if case == "c-tran":
        return CTranHead(CHANNELS, labels, CTranOptions(dropout=0))
    return Query2LabelHead(
        CHANNELS, labels, Query2LabelOptions(dropout=0, project=case == "query2label-proj")
    )


@dataclass
class Trained:
    """A loss, and its gradients."""

    loss: Tensor
    features: Tensor
    norms: dict[str, float]


@dataclass
class Measured:
    """What one head computed, and what it should have; `trained` by the prefix of the stored names."""

    expected: Arrays
    evaluated: HeadOutput
    logits: Tensor
    trained: dict[str, Trained]
    single: dict[str, Tensor]


def run(head: Head, features: Tensor, expected: Arrays) -> tuple[HeadOutput, HeadOutput]:
    """Evaluation and training, where C-Tran is told the labels of `mask_train`."""
    with torch.no_grad():
        evaluated: HeadOutput = head.eval()(features)
    targets = torch.from_numpy(expected["labels"]).to(features.dtype)
    told = [torch.from_numpy(expected["mask_train"])] if "mask_train" in expected else []
    trained: HeadOutput = head.train()(features, targets, *told)
    return evaluated, trained


@functools.cache
def measure(case: str) -> Measured:
    with np.load(PARITY / f"{case}_c20_s14.npz") as stored:
        expected: Arrays = dict(stored)
    seed = int(expected["seed"])
    noise = draw(seed, "features", (2, CHANNELS, SIZE, SIZE))
    features = torch.from_numpy(np.maximum(noise, 0)).requires_grad_()
    targets = torch.from_numpy(expected["labels"])
    with float64():
        head = build(case)
        head.load_state_dict(convert(method_of(case), published_state(case, seed)))
        with torch.no_grad():
            evaluated, output = run(copy.deepcopy(head).float(), features.float(), expected)
            single = {"logits_eval": evaluated.logits, "logits_train": output.logits}
        evaluated, output = run(head, features, expected)
        losses = {"": F.binary_cross_entropy_with_logits(output.logits, targets)}
        if case == "c-tran":
            assert output.known is not None
            unknown = ~output.known
            losses["published_"] = F.binary_cross_entropy_with_logits(
                output.logits[unknown], targets[unknown], reduction="sum"
            )
        trained = {}
        for prefix, loss in losses.items():
            head.zero_grad()
            features.grad = None
            loss.backward(retain_graph=True)
            assert features.grad is not None
            norms = published_gradient_norms(method_of(case), head)
            trained[prefix] = Trained(loss.detach(), features.grad, norms)
    return Measured(expected, evaluated, output.logits.detach(), trained, single)


PREFIXES = [(case, "") for case in CASES] + [("c-tran", "published_")]


@pytest.mark.parametrize("case", CASES)
def test_logits_are_the_published_ones(case: str) -> None:
    measured = measure(case)
    assert_close(case, "logits_eval", measured.evaluated.logits, measured.expected["logits_eval"], OUTPUTS)
    assert_close(case, "logits_train", measured.logits, measured.expected["logits_train"], OUTPUTS)
    for name, logits in measured.single.items():
        assert_close(case, name, logits, measured.expected[name], SINGLE)


@pytest.mark.parametrize(("case", "prefix"), PREFIXES)
def test_losses_and_their_gradients_are_the_published_ones(case: str, prefix: str) -> None:
    measured = measure(case)
    expected, trained = measured.expected, measured.trained[prefix]
    assert_close(case, "loss", trained.loss, expected[f"{prefix}loss_train"], OUTPUTS)
    assert_close(case, "norm", trained.features.norm(), expected[f"{prefix}grad_features_norm"], GRADIENTS)
    corner = trained.features[:, :8, :2, :2]
    assert_close(case, "corner", corner, expected[f"{prefix}grad_features_corner"], GRADIENTS)
    beginning = f"{prefix}gradnorm:"
    norms = {n.removeprefix(beginning): float(v) for n, v in expected.items() if n.startswith(beginning)}
    assert_norms(case, trained.norms, norms)


@pytest.mark.parametrize("case", CASES)
def test_what_the_labels_look_at_is_the_published_one(case: str) -> None:
    measured = measure(case)
    views = {name: view.flatten(2) for name, view in measured.evaluated.views.items()}
    if case == "c-tran":
        both = torch.cat([views["attention"], views["label_attention"]], dim=2)
        assert_close(case, "eval_attention_2", both, measured.expected["eval_attention_2"], OUTPUTS)
        return
    for name in ("attention_0", "attention_1"):
        assert_close(case, name, views[name], measured.expected[f"eval_{name}"], OUTPUTS)


@pytest.mark.parametrize("case", CASES)
def test_every_stored_number_is_compared(case: str) -> None:
    compared = {f"{prefix}{name}" for prefix in ("", "published_") for name in ("loss_train",)}
    compared |= {f"{p}grad_features_{name}" for p in ("", "published_") for name in ("norm", "corner")}
    compared |= {"logits_eval", "logits_train", "eval_attention_0", "eval_attention_1", "eval_attention_2"}
    stored = {name for name in measure(case).expected if "gradnorm:" not in name}
    assert stored <= compared | {"seed", "labels", "mask_train"}
