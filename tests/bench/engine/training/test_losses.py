"""Every loss is the plain formula, in float32 at least, whatever counts as difficult."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.engine.training.losses import Difficult, classification_loss
from bench.errors import UserError
from bench.experiment.loss import ASL, BCE, LOSSES, SoftMargin
from bench.experiment.schedule import Schedule, load_schedule

KINDS: list[BCE | SoftMargin | ASL] = [
    BCE(),
    SoftMargin(),
    ASL(),
    ASL(gamma_pos=1, gamma_neg=2, clip=0, eps=1e-5),
    ASL(gamma_pos=0, gamma_neg=0, clip=0.2),
    ASL(gamma_pos=0.5, gamma_neg=1.5, clip=0.05, focus_gradient=True),
]
DIFFICULT: list[Difficult] = ["positive", "negative", "ignored"]


def batch(images: int = 6, classes: int = 5, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    """Logits in float64, and labels of which the first image has nothing but difficult ones."""
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(images, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(-1, 2, (images, classes), generator=generator)
    labels[0] = 0
    return logits, labels


def written_out(logits: Tensor, labels: Tensor, loss: Any, difficult: Difficult) -> float:
    """The loss label by label."""
    rows = []
    for image, row in zip(logits.tolist(), labels.tolist(), strict=True):
        terms = []
        for logit, label in zip(image, row, strict=True):
            if label == 0 and difficult == "ignored":
                continue
            positive = label == 1 or (label == 0 and difficult == "positive")
            p = 1 / (1 + torch.tensor(-logit, dtype=torch.float64).exp().item())
            if isinstance(loss, ASL):
                if not positive:
                    p = min(1, 1 - p + loss.clip)
                gamma = loss.gamma_pos if positive else loss.gamma_neg
                weight = (1 - p) ** gamma if gamma else 1.0
            else:
                p, weight = (p if positive else 1 - p), 1.0
            terms.append(-weight * torch.tensor(p, dtype=torch.float64).log().item())
        rows.append(terms)
    if isinstance(loss, SoftMargin):
        return sum(sum(terms) / len(terms) if terms else 0 for terms in rows) / len(rows)
    whole = [term for terms in rows for term in terms]
    return sum(whole) / len(whole)


@pytest.mark.parametrize("difficult", DIFFICULT)
@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_every_loss_is_the_formula_written_out(loss: Any, difficult: Difficult) -> None:
    logits, labels = batch()
    ours = classification_loss(logits, labels, loss, difficult)
    assert ours.dtype == torch.float64
    assert ours.item() == pytest.approx(written_out(logits, labels, loss, difficult), rel=1e-9)


@pytest.mark.parametrize("difficult", DIFFICULT)
@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_a_loss_is_summed_over_classes_and_over_images_where_asked(loss: Any, difficult: Difficult) -> None:
    logits, labels = batch()
    # The soft margin loss differs from the others in its mean alone.
    plain = BCE() if isinstance(loss, SoftMargin) else loss
    count = (labels != 0).sum().item() if difficult == "ignored" else labels.numel()
    total = written_out(logits, labels, plain, difficult) * count
    for reduction, expected in (("sum", total), ("sum-of-classes", total / len(labels))):
        ours = classification_loss(logits, labels, loss, difficult, reduction)  # type: ignore[arg-type]
        assert ours.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("difficult", DIFFICULT)
@pytest.mark.parametrize("loss", [BCE(), SoftMargin(), ASL(focus_gradient=True, clip=0.2)], ids=str)
def test_the_gradient_is_that_of_the_value(loss: Any, difficult: Difficult) -> None:
    logits, labels = batch()
    assert torch.autograd.gradcheck(
        lambda x: classification_loss(x, labels, loss, difficult), logits.requires_grad_()
    )


def test_the_focusing_weight_is_a_constant_unless_asked_otherwise() -> None:
    logits, labels = batch()
    logits.requires_grad_()
    loss = ASL(gamma_pos=1, gamma_neg=2, clip=0)
    (gradient,) = torch.autograd.grad(classification_loss(logits, labels, loss, "positive"), logits)
    targets = (labels >= 0).double()
    p = torch.sigmoid(logits.detach())
    # d/dx of -log p is p - 1 for a positive and p for a negative.
    expected = torch.where(targets > 0, (1 - p) * (p - 1), p**2 * p) / targets.numel()
    torch.testing.assert_close(gradient, expected)


def test_the_two_names_of_cross_entropy_are_the_functions_of_pytorch() -> None:
    logits, labels = batch()
    targets = (labels > 0).double()
    soft = classification_loss(logits, labels, SoftMargin(), "negative")
    torch.testing.assert_close(soft, F.multilabel_soft_margin_loss(logits, targets))
    torch.testing.assert_close(
        classification_loss(logits, labels, BCE(), "negative"),
        F.binary_cross_entropy_with_logits(logits, targets),
    )


def test_asymmetric_loss_without_asymmetry_is_cross_entropy() -> None:
    logits, labels = batch()
    plain = ASL(gamma_pos=0, gamma_neg=0, clip=0)
    for difficult in DIFFICULT:
        torch.testing.assert_close(
            classification_loss(logits, labels, plain, difficult),
            classification_loss(logits, labels, BCE(), difficult),
        )


def test_easy_negatives_are_ignored_below_the_clip() -> None:
    labels = torch.tensor([[-1, -1]])
    logits = torch.tensor([[-4.0, 0.0]], requires_grad=True)  # probabilities 0.018 and 0.5
    loss = classification_loss(logits, labels, ASL(clip=0.05, focus_gradient=True), "positive")
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and logits.grad[0, 0] == 0 and logits.grad[0, 1] > 0


@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_extreme_logits_give_finite_losses_and_gradients(loss: Any) -> None:
    labels = torch.tensor([[1, -1, 1, -1, 0, 0]])
    for dtype in (torch.float32, torch.bfloat16):
        logits = torch.tensor([[90.0, 90.0, -90.0, -90.0, 0.0, 40.0]], dtype=dtype, requires_grad=True)
        value = classification_loss(logits, labels, loss, "ignored")
        value.backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(value) and logits.grad is not None and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_half_precision_logits_are_widened_also_under_autocast(loss: Any) -> None:
    logits, labels = batch(64, 20)
    half = logits.bfloat16()
    expected = classification_loss(half.float(), labels, loss, "positive")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = classification_loss(half, labels, loss, "positive")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_a_batch_of_ignored_labels_has_no_loss() -> None:
    logits = torch.ones(2, 3, requires_grad=True)
    for loss in KINDS:
        assert classification_loss(logits, torch.zeros(2, 3), loss, "ignored").item() == 0


def named(loss: object) -> Schedule:
    return load_schedule("identical", {"loss": loss})


def test_a_loss_is_given_by_name_or_with_parameters() -> None:
    assert named("bce").loss == BCE() and named("asl").loss == ASL()
    assert named({"name": "asl", "gamma_neg": 2, "clip": 0}).loss == ASL(gamma_neg=2, clip=0)
    assert {named(name).loss.name for name in LOSSES} == set(LOSSES)
    assert str(named("soft-margin").loss) == "soft-margin" and "gamma_neg 4.0" in str(named("asl").loss)
    again = Schedule.model_validate_json(named({"name": "asl", "eps": 1e-5}).model_dump_json())
    assert again.loss == ASL(eps=1e-5)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("hinge", "'loss' is 'hinge': the name of a loss is one of bce, soft-margin, asl."),
        ({"gamma_neg": 2}, "the name of a loss is one of"),
        ({"name": "bce", "gamma_neg": 2}, "'loss.bce.gamma_neg' is not a known key"),
        ({"name": "asl", "gamma": 2}, "'loss.asl.gamma' is not a known key"),
        ({"name": "asl", "gamma_neg": -1}, "'loss.asl.gamma_neg' is -1: "),
        ({"name": "asl", "clip": 1}, "'loss.asl.clip' is 1: "),
        ({"name": "asl", "eps": 0}, "'loss.asl.eps' is 0: "),
        (3, "'loss' is 3: "),
    ],
)
def test_a_parameter_that_the_loss_does_not_have_is_refused(loss: object, message: str) -> None:
    with pytest.raises(UserError) as error:
        named(loss)
    assert message in str(error.value)


@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_labels_that_the_head_was_told_give_no_loss(loss: Any) -> None:
    logits, labels = batch(6, 5)
    logits = logits.requires_grad_()
    known = torch.zeros(6, 5, dtype=torch.bool)
    known[:, ::2] = True
    value = classification_loss(logits, labels, loss, "negative", known=known)
    value.backward()  # type: ignore[no-untyped-call]
    rest = classification_loss(logits[:, 1::2], labels[:, 1::2], loss, "negative")
    torch.testing.assert_close(value, rest)
    assert logits.grad is not None and not logits.grad[known].any() and logits.grad[~known].any()
    everything = torch.ones_like(known)
    assert classification_loss(logits, labels, loss, "ignored", known=everything).item() == 0
    untold = classification_loss(logits, labels, loss, "ignored", known=torch.zeros_like(known))
    torch.testing.assert_close(untold, classification_loss(logits, labels, loss, "ignored"))
