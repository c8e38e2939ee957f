"""CSRA and ML-Decoder against what the published implementations compute, and where they start."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.errors import UserError
from bench.experiment.methods import MethodChoice, label_of, parse_methods
from bench.methods.catalog import METHODS
from bench.methods.contract import label_space
from bench.methods.head import Head, HeadOutput
from bench.methods.model import head_class
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.names import convert
from parity_checks import GRADIENTS, OUTPUTS, SINGLE, assert_close, assert_norms
from parity_weights import Arrays, draw, float64, published_weight
from places import PARITY

CHANNELS, SIZE = 2048, 14
# The method, its options and the number of classes of each file of vectors.
CASES: dict[str, tuple[str, dict[str, Any], int]] = {
    "csra": ("csra", {}, 20),
    "csra-4heads": ("csra", {"heads": 4, "lam": 0.5}, 20),
    "csra-6heads": ("csra", {"heads": 6, "lam": 0.4}, 20),
    "ml-decoder": ("ml-decoder", {"dropout": 0}, 20),
    "ml-decoder-260": ("ml-decoder", {"dropout": 0}, 260),
}


def files_of(case: str) -> tuple[Path, Path]:
    stem = f"{case.removesuffix('-260')}_c{CASES[case][2]}"
    return PARITY / f"{stem}.manifest.json", PARITY / f"{stem}_s14.npz"


class Measured:
    """What one head computed, and what it should have."""

    def __init__(self, case: str) -> None:
        method, options, classes = CASES[case]
        manifest, vectors = files_of(case)
        with np.load(vectors) as stored:
            self.expected: Arrays = dict(stored)
        seed = int(self.expected["seed"])
        shapes = json.loads(manifest.read_text())
        published = {name: published_weight(seed, name, tuple(shape)) for name, shape in shapes.items()}
        noise = draw(seed, "features", (2, CHANNELS, SIZE, SIZE))
        features = torch.from_numpy(np.maximum(noise, 0)).requires_grad_()
        targets = torch.from_numpy(self.expected["labels"])
        with float64():
            head = head_class(METHODS[method])(
                CHANNELS, label_space(classes), METHODS[method].options(**options)
            )
            head.load_state_dict(convert(method, published))
            with torch.no_grad():
                self.evaluated: HeadOutput = head.eval()(features)
            self.trained: Tensor = head.train()(features, targets).logits
            self.loss = F.binary_cross_entropy_with_logits(self.trained, targets)
            self.loss.backward()  # type: ignore[no-untyped-call]
        assert features.grad is not None
        self.feature_gradient = features.grad
        self.gradient_norms = norms_of(method, head, set(published))
        with torch.no_grad():
            self.single: Tensor = head.float().eval()(features.float()).logits


def norms_of(method: str, head: Head, names: set[str]) -> dict[str, float]:
    """Norms of our gradients under the published names; each of these is one whole parameter of ours."""
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    places = PUBLISHED[method].places_in(names)
    found = {name: gradients[place.name] for name, place in places.items()}
    return {name: float(gradient.norm()) for name, gradient in found.items() if gradient is not None}


Measure = Callable[[str], Measured]


@pytest.fixture(scope="module")
def measure() -> Measure:
    """What was measured of a case, once."""
    return functools.cache(Measured)


@pytest.mark.parametrize("case", CASES)
def test_outputs_loss_and_gradients_are_the_published_ones(case: str, measure: Measure) -> None:
    measured = measure(case)
    expected, gradient = measured.expected, measured.feature_gradient
    assert_close(case, "logits_eval", measured.evaluated.logits, expected["logits_eval"], OUTPUTS)
    assert_close(case, "logits_train", measured.trained, expected["logits_train"], OUTPUTS)
    assert_close(case, "loss_train", measured.loss, expected["loss_train"], OUTPUTS)
    assert_close(case, "norm", gradient.norm(), expected["grad_features_norm"], GRADIENTS)
    assert_close(case, "corner", gradient[:, :8, :2, :2], expected["grad_features_corner"], GRADIENTS)
    assert_close(case, "single precision", measured.single, expected["logits_eval"], SINGLE)


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_the_parameters_are_the_published_ones(case: str, measure: Measure) -> None:
    measured = measure(case)
    stored = {
        name.removeprefix("gradnorm:"): float(value)
        for name, value in measured.expected.items()
        if name.startswith("gradnorm:")
    }
    # The published queries have no gradient, and ours have none.
    assert_norms(case, measured.gradient_norms, stored)


VIEWS = {
    "eval_scores": "scores",
    "eval_base": "base",
    "eval_attended": "attended",
    "eval_attention": "attention",
}


@pytest.mark.parametrize("case", CASES)
def test_views_are_the_published_ones_and_every_stored_number_is_compared(
    case: str, measure: Measure
) -> None:
    expected, views = measure(case).expected, measure(case).evaluated.views
    compared = {name for name in expected if name.startswith("eval_")}
    for name in compared:
        view = views[VIEWS[name]]
        # The published heads come first there; here the images do.
        ours = view.transpose(0, 1) if name in ("eval_base", "eval_attended") else view.flatten(2)
        assert_close(case, name, ours, expected[name], OUTPUTS)
    assert len(compared) == {"csra": 3, "ml-decoder": 1, "ml-decoder-260": 0}.get(case, 3) == len(views)
    compared |= {"logits_eval", "logits_train", "loss_train", "grad_features_norm", "grad_features_corner"}
    assert {name for name in expected if not name.startswith("gradnorm:")} - compared == {"seed", "labels"}


DIM = 32


def built(method: str, classes: int = 7, **options: Any) -> Head:
    torch.manual_seed(0)
    return head_class(METHODS[method])(DIM, label_space(classes), METHODS[method].options(**options))


def drawn(head: Head) -> Head:
    """With every parameter away from its start, in double precision."""
    for parameter in head.double().parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return head


def plain_csra(head: Any, features: Tensor, temperatures: list[float], lam: float) -> Tensor:
    """The equations of the paper, position by position."""
    total = torch.zeros(())
    for layer, temperature in zip(head.heads, temperatures, strict=True):
        unit = layer.weight / layer.weight.norm(dim=1, keepdim=True)
        scores = torch.stack([unit @ place for place in features.flatten(2).permute(2, 1, 0)])  # (N, C, B)
        weights = (temperature * scores).exp()
        attended = (weights / weights.sum(dim=0) * scores).sum(dim=0)
        if temperature == 99:
            attended = scores.max(dim=0).values
        total = total + (scores.mean(dim=0) + lam * attended).T
    return total


@pytest.mark.parametrize(
    ("options", "temperatures"),
    [
        ({}, [1]),
        ({"heads": 2}, [1, 99]),
        ({"heads": 4, "lam": 0.5}, [1, 2, 4, 99]),
        ({"heads": 6, "lam": 0.4}, [1, 2, 3, 4, 5, 99]),
        ({"heads": 8, "lam": 0}, [1, 2, 3, 4, 5, 6, 7, 99]),
        ({"temperatures": [0.5, 99, 3]}, [0.5, 99, 3]),
    ],
    ids=str,
)
def test_csra_is_the_sum_of_its_heads(options: dict[str, Any], temperatures: list[float]) -> None:
    head = built("csra", **options).double()
    features = torch.rand(3, DIM, 3, 4).double()
    expected = plain_csra(head, features, temperatures, options.get("lam", 0.1))
    torch.testing.assert_close(head(features).logits, expected, rtol=1e-12, atol=1e-12)


def plain_ml_decoder(head: Any, features: Tensor, classes: int, groups: int, heads: int) -> Tensor:
    """One image, one group, one attention head and one class after the other."""
    per_group = -(-classes // groups)
    logits = torch.zeros(len(features), classes, dtype=features.dtype)
    for image, grid in enumerate(features):
        positions = F.relu(head.embed(grid.flatten(1).T))
        for label in range(classes):
            group, slot = divmod(label, per_group)
            query = head.query_norm(2 * head.queries[group])
            rows = head.layer.project.weight.chunk(3), head.layer.project.bias.chunk(3)
            q = rows[0][0] @ query + rows[1][0]
            keys, values = (positions @ rows[0][part].T + rows[1][part] for part in (1, 2))
            parts = []
            for part in torch.arange(len(q)).chunk(heads):
                weights = torch.softmax(keys[:, part] @ q[part] / len(part) ** 0.5, dim=0)
                parts.append(weights @ values[:, part])
            vector = head.layer.attention_norm(query + head.layer.merge(torch.cat(parts)))
            vector = head.layer.feedforward_norm(
                vector + head.layer.contract(F.relu(head.layer.expand(vector)))
            )
            classifier = head.classifier
            logits[image, label] = vector @ classifier.weight[group, :, slot] + classifier.bias[label]
    return logits


SMALL_DECODER: dict[str, Any] = {"width": 12, "feedforward": 20, "heads": 3, "dropout": 0.1}


@pytest.mark.parametrize(
    ("classes", "groups"), [(1, None), (7, None), (7, 7), (7, 3), (7, 5), (6, 2), (7, 1), (104, None)]
)
def test_ml_decoder_is_its_layers_one_after_the_other(classes: int, groups: int | None) -> None:
    head = drawn(built("ml-decoder", classes, groups=groups, **SMALL_DECODER)).eval()
    features = torch.rand(2, DIM, 2, 3).double()
    output = head(features)
    expected = plain_ml_decoder(head, features, classes, groups or min(classes, 100), 3)
    torch.testing.assert_close(output.logits, expected, rtol=1e-10, atol=1e-10)
    if classes > 100:
        assert output.views == {}
        return
    attention = output.views["attention"]
    assert attention.shape == (2, classes, 2, 3)
    torch.testing.assert_close(attention.sum(dim=(2, 3)), torch.ones(2, classes).double())
    per_group = -(-classes // (groups or classes))
    same = [torch.equal(attention[:, 0], attention[:, label]) for label in range(classes)]
    assert same == [label < per_group for label in range(classes)], "classes of a group look at one place"


def test_what_a_query_without_a_class_holds_changes_nothing() -> None:
    head: Any = built("ml-decoder", 7, groups=5, **SMALL_DECODER).eval()  # two in each of four groups
    features = torch.rand(2, DIM, 2, 3)
    before = head(features).logits
    assert head.classifier.weight.shape == (5, 12, 2) and head.queries.shape == (5, 12)
    with torch.no_grad():
        head.queries[4] += 1
        head.classifier.weight[4] += 1
    assert torch.equal(head(features).logits, before)


def test_dropout_is_drawn_for_each_image_and_only_in_training() -> None:
    head = built("ml-decoder", **{**SMALL_DECODER, "dropout": 0.5})
    features = torch.rand(1, DIM, 2, 3).expand(2, -1, -1, -1)
    first, second = head.train()(features).logits
    assert not torch.allclose(first, second)
    first, second = head.eval()(features).logits
    assert torch.equal(first, second)


def test_the_queries_stay_as_they_were_drawn() -> None:
    head: Any = built("ml-decoder")
    assert [name for name, p in head.named_parameters() if not p.requires_grad] == ["queries"]
    assert "queries" in head.state_dict()


# Each parameter's start: a bound that it is uniform within, a standard deviation, or the number that it is.
CSRA_START = {"heads.0.weight": ("uniform", DIM**-0.5), "heads.1.weight": ("uniform", DIM**-0.5)}
ML_DECODER_START: dict[str, tuple[str, float]] = {
    "embed.weight": ("uniform", DIM**-0.5),
    "embed.bias": ("uniform", DIM**-0.5),
    "queries": ("normal", 1),
    "query_norm.weight": ("constant", 1),
    "query_norm.bias": ("constant", 0),
    "layer.project.weight": ("uniform", (6 / (4 * 768)) ** 0.5),
    "layer.project.bias": ("constant", 0),
    "layer.merge.weight": ("uniform", 768**-0.5),
    "layer.merge.bias": ("constant", 0),
    "layer.attention_norm.weight": ("constant", 1),
    "layer.attention_norm.bias": ("constant", 0),
    "layer.expand.weight": ("uniform", 768**-0.5),
    "layer.expand.bias": ("uniform", 768**-0.5),
    "layer.contract.weight": ("uniform", 2048**-0.5),
    "layer.contract.bias": ("uniform", 2048**-0.5),
    "layer.feedforward_norm.weight": ("constant", 1),
    "layer.feedforward_norm.bias": ("constant", 0),
    "classifier.weight": ("normal", (2 / ((768 + 100) * 3)) ** 0.5),
    "classifier.bias": ("constant", 0),
}


@pytest.mark.parametrize(
    ("method", "options", "start"),
    [("csra", {"heads": 2}, CSRA_START), ("ml-decoder", {}, ML_DECODER_START)],
    ids=["csra", "ml-decoder"],
)
def test_every_parameter_starts_as_published(
    method: str, options: dict[str, Any], start: dict[str, tuple[str, float]]
) -> None:
    head = built(method, 260, **options)
    assert {name for name, _ in head.named_parameters()} == start.keys()
    for name, parameter in head.named_parameters():
        kind, size = start[name]
        values = parameter.detach().double()
        if kind == "constant":
            assert torch.all(values == size), name
            continue
        deviation = size / 3**0.5 if kind == "uniform" else size
        # Five standard errors, of which a uniform distribution's are smaller.
        error = 5 * (2 * values.numel()) ** -0.5
        assert float(values.std()) == pytest.approx(deviation, rel=error), name
        assert abs(float(values.mean())) < 5 * deviation * values.numel() ** -0.5, name
        largest = float(values.abs().max())
        assert (0.9 * size < largest <= size) if kind == "uniform" else largest > 2.5 * size, name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("csra/heads=3", "heads"),
        ("csra/heads=0", "heads"),
        ("csra/lam=-1", "lam"),
        ("csra/temperatures=1+0", "a number above 0 and at most 99, the maximum, and not 0"),
        ("csra/temperatures=-2", "and not -2"),
        ("csra/temperatures=warm", "and not warm"),
        ("csra/temperatures=100", "and not 100"),
        ("csra/temperatures=1++2", "temperature"),
        ("csra/temperatures=true", "and not True"),
        ("csra/temperatures=[.nan]", "and not nan"),
        (
            "csra/heads=4/temperatures=1+99",
            "one temperature for each of 2 heads, and heads is 4: leave heads",
        ),
        ("ml-decoder/groups=0", "groups"),
        ("ml-decoder/dropout=1", "dropout"),
        ("ml-decoder/width=770", "8 does not divide 770: choose a width that is a multiple of 8"),
        ("ml-decoder/heads=7", "7 does not divide 768"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        parse_methods((text,))
    message = str(error.value)
    assert words in message and text.partition("/")[0] in message and "\n" not in message, message


def test_temperatures_tell_the_number_of_heads() -> None:
    """One model has one name, so that it is not run twice."""
    (one,) = parse_methods(("csra/temperatures=1+99", "csra/temperatures=1+99/heads=2"))
    assert one.label() == "csra/temperatures=1+99"


@pytest.mark.parametrize(
    "given",
    [[1, 2.5, 99], (1, 2.5, 99), "1+2.5+99", "1.0+2.50+99"],
    ids=["list", "tuple", "text", "other text"],
)
def test_temperatures_have_one_spelling_which_is_read_again(given: Any) -> None:
    options: Any = METHODS["csra"].options(temperatures=given)
    assert options.own_temperatures() == (1, 2.5, 99)
    choice = MethodChoice(name="csra", options=options.model_dump())
    assert choice.label() == "csra/temperatures=1+2.5+99" == label_of(choice.label())
    plain = MethodChoice(name="csra", options=METHODS["csra"].options().model_dump())
    again = MethodChoice.model_validate_json(plain.model_dump_json())
    assert again.label() == "csra"
    assert label_of("csra/temperatures=3") == "csra/temperatures=3"


def test_more_groups_than_classes_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"^ML-Decoder cannot divide 7 classes among 8 groups: .* leave groups out\.$"
    ):
        built("ml-decoder", 7, groups=8)


@pytest.mark.parametrize(("asked", "width"), [(1024, 768), (512, 384), (100, 72), (1, 8)])
def test_a_narrowed_decoder_keeps_a_width_that_its_heads_divide(asked: int, width: int) -> None:
    narrow: Any = METHODS["ml-decoder"].options().narrowed(asked)
    assert (narrow.width, narrow.feedforward) == (width, max(1, 2 * asked))


def test_convert_lists_every_missing_and_unexpected_name() -> None:
    state = {f"csra_heads.{number}.head.weight": torch.zeros(7, DIM, 1, 1) for number in (0, 3)}
    with pytest.raises(UserError) as error:
        convert("csra", {**state, "other.bias": torch.zeros(1)})
    message = str(error.value)
    assert "missing csra_heads.1.head.weight, csra_heads.2.head.weight; unexpected other.bias" in message
    with pytest.raises(UserError, match=r"missing csra_heads.0.head.weight; unexpected stray"):
        convert("csra", {"stray": torch.zeros(1)})
