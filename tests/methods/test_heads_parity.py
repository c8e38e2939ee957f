"""Each head against what the published implementation computes, on weights and inputs from a formula."""

import copy
import functools
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.errors import UserError
from bench.methods.add_gcn import ADDGCNHead
from bench.methods.graph import conditional_probability, propagation_matrix, reweighted_graph
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.ml_gcn import MLGCNHead
from bench.methods.options import ADDGCNOptions, MLGCNOptions, SALGLOptions, SSGRLOptions
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.names import convert
from bench.methods.salgl import SALGLHead, scene_entropies
from bench.methods.ssgrl import SSGRLHead
from parity_checks import GRADIENTS, OUTPUTS, SINGLE, assert_close, assert_norms, published_gradient_norms
from parity_weights import Arrays, draw, float64, published_weight
from places import PARITY

CASES = ("ml-gcn", "ssgrl", "add-gcn", "salgl", "salgl-soft")
CLASSES, CHANNELS, SIZE = 20, 2048, 14


def published_state(case: str, expected: Arrays) -> dict[str, Tensor]:
    shapes = json.loads((PARITY / f"{case}_c20.manifest.json").read_text())
    seed = int(expected["seed"])
    state = {name: published_weight(seed, name, tuple(shape)) for name, shape in shapes.items()}
    if "comatrix" in state:
        state["comatrix"] = torch.from_numpy(expected["comatrix_in"])
    return state


def build(case: str, expected: Arrays) -> Head:
    method = case.removesuffix("-soft")
    width = 768 if method == "salgl" else 300
    empty = np.zeros((CLASSES, CLASSES))
    labels = LabelSpace(
        names=tuple(f"class {index}" for index in range(CLASSES)),
        vectors=draw(int(expected["seed"]), "embeddings", (CLASSES, width)),
        counts=expected.get("nums", empty[0]).astype(np.int64),
        cooccurrence=expected.get("adj", empty).astype(np.int64),
        num_images=0,
    )
    match case:
        case "ml-gcn":
            return MLGCNHead(CHANNELS, labels, MLGCNOptions())
        case "ssgrl":  # the vectors take the pooled map
            return SSGRLHead(CHANNELS, labels, SSGRLOptions(pool=1))
        case "add-gcn":
            return ADDGCNHead(CHANNELS, labels, ADDGCNOptions())
        case "salgl":
            return SALGLHead(CHANNELS, labels, SALGLOptions(dropout=0))
        case _:
            options = SALGLOptions(dropout=0, soft=True, self_loops=False, positions=True)
            return SALGLHead(CHANNELS, labels, options)


@dataclass
class Measured:
    """What one head computed, and what it should have."""

    expected: Arrays
    evaluated: HeadOutput
    trained: Tensor
    loss: Tensor
    feature_gradient: Tensor
    gradient_norms: dict[str, float]
    memory: Tensor | None
    single: dict[str, Tensor]


@functools.cache
def measure(case: str) -> Measured:
    method = case.removesuffix("-soft")
    with np.load(PARITY / f"{case}_c20_s14.npz") as stored:
        expected: Arrays = dict(stored)
    noise = draw(int(expected["seed"]), "features", (2, CHANNELS, SIZE, SIZE))
    features = torch.from_numpy(np.maximum(noise, 0)).requires_grad_()
    targets = torch.from_numpy(expected["labels"])
    with float64():
        head = build(case, expected)
        state = convert(method, published_state(case, expected))
        # What is not loaded are the constants that the head has built from the label space.
        constants = {name: buffer for name, buffer in head.named_buffers() if name not in state}
        head.load_state_dict(state | constants)
        single = single_precision(head, features, targets)
        with torch.no_grad():
            evaluated = head.eval()(features)
        trained: Tensor = head.train()(features, targets).logits
        loss = F.binary_cross_entropy_with_logits(trained, targets)
        loss.backward()
    assert features.grad is not None
    return Measured(
        expected=expected,
        evaluated=evaluated,
        trained=trained.detach(),
        loss=loss.detach(),
        feature_gradient=features.grad,
        gradient_norms=published_gradient_norms(method, head),
        memory=dict(head.named_buffers()).get("cooccurrence"),
        single=single,
    )


def single_precision(head: Head, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
    head = copy.deepcopy(head).float()
    with torch.no_grad():
        evaluated: HeadOutput = head.eval()(features.float())
        trained: HeadOutput = head.train()(features.float(), targets.float())
    return {"logits_eval": evaluated.logits, "logits_train": trained.logits}


@pytest.mark.parametrize("case", CASES)
def test_logits_and_loss_are_the_published_ones(case: str) -> None:
    measured = measure(case)
    expected = measured.expected
    assert_close(case, "logits_eval", measured.evaluated.logits, expected["logits_eval"], OUTPUTS)
    assert_close(case, "logits_train", measured.trained, expected["logits_train"], OUTPUTS)
    assert_close(case, "loss_train", measured.loss, expected["loss_train"], OUTPUTS)


@pytest.mark.parametrize("case", CASES)
def test_logits_in_single_precision(case: str) -> None:
    measured = measure(case)
    for name, logits in measured.single.items():
        assert_close(case, name, logits, measured.expected[name], SINGLE)


@pytest.mark.parametrize("case", CASES)
def test_gradient_at_the_features_is_the_published_one(case: str) -> None:
    measured = measure(case)
    gradient = measured.feature_gradient
    assert_close(case, "norm", gradient.norm(), measured.expected["grad_features_norm"], GRADIENTS)
    assert_close(
        case, "corner", gradient[:, :8, :2, :2], measured.expected["grad_features_corner"], GRADIENTS
    )


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_the_parameters_are_the_published_ones(case: str) -> None:
    measured = measure(case)
    norms = {
        name.removeprefix("gradnorm:"): float(value)
        for name, value in measured.expected.items()
        if name.startswith("gradnorm:")
    }
    assert_norms(case, measured.gradient_norms, norms)


@pytest.mark.parametrize("case", ["salgl", "salgl-soft"])
def test_salgl_memory_scenes_attention_and_graph_are_the_published_ones(case: str) -> None:
    measured = measure(case)
    expected, views = measured.expected, measured.evaluated.views
    assert measured.memory is not None
    assert not measured.memory.requires_grad
    assert_close(case, "comatrix_out", measured.memory, expected["comatrix_out"], OUTPUTS)
    assert_close(case, "eval_scene_probs", views["scene_probs"], expected["eval_scene_probs"], OUTPUTS)
    assert_close(
        case, "eval_att_weights", views["attention"].flatten(2), expected["eval_att_weights"], OUTPUTS
    )
    assert_close(case, "eval_comat", views["graph"], expected["eval_comat"], OUTPUTS)
    sample, batch = scene_entropies(views["scene_probs"])
    assert_close(case, "eval_sample_en", sample, expected["eval_sample_en"], OUTPUTS)
    assert_close(case, "eval_batch_en", batch, expected["eval_batch_en"], OUTPUTS)


def test_addgcn_both_scores_are_the_published_ones() -> None:
    case = "add-gcn"
    measured = measure(case)
    for name in ("s_m", "s_r"):
        assert_close(case, name, measured.evaluated.views[name], measured.expected[f"eval_{name}"], OUTPUTS)


def test_label_graphs_are_the_published_ones() -> None:
    expected = measure("ml-gcn").expected
    graph = reweighted_graph(conditional_probability(expected["nums"], expected["adj"]), tau=0.4, p=0.2)
    np.testing.assert_allclose(graph, expected["A"], rtol=1e-9)
    np.testing.assert_allclose(propagation_matrix(graph), expected["A_hat"], rtol=1e-9)
    expected = measure("ssgrl").expected
    probability = conditional_probability(expected["nums"], expected["adj"])
    np.testing.assert_allclose(probability, expected["P"], rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_every_stored_number_is_compared(case: str) -> None:
    compared = {"logits_eval", "logits_train", "loss_train", "grad_features_norm", "grad_features_corner"}
    compared |= {"A", "A_hat", "P", "eval_s_m", "eval_s_r", "comatrix_out"}
    compared |= {f"eval_{name}" for name in ("scene_probs", "att_weights", "comat", "sample_en", "batch_en")}
    inputs = {"seed", "labels", "adj", "nums", "comatrix_in"}
    stored = {name for name in measure(case).expected if not name.startswith("gradnorm:")}
    assert stored <= compared | inputs


@pytest.mark.parametrize("case", CASES)
def test_convert_lists_every_missing_and_unexpected_name(case: str) -> None:
    method = case.removesuffix("-soft")
    first, second, *rest = PUBLISHED[method].places
    state = dict.fromkeys([*rest, "stray.weight", "other.bias"], torch.zeros(1, 1, 1))
    with pytest.raises(UserError) as error:
        convert(method, state)
    assert all(name in str(error.value) for name in (first, second, "stray.weight", "other.bias"))
