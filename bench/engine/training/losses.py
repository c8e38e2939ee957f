"""Losses over `(B, C)` logits, computed in float32 whatever the precision of the model."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bench.experiment.loss import ASL, BCE, SoftMargin

Difficult = Literal["positive", "negative", "ignored"]
Reduction = Literal["mean", "sum-of-classes", "sum"]


def targets_of(labels: Tensor, difficult: Difficult) -> Tensor:
    """`(B, C)` float targets in {0, 1} from labels with 1 positive, 0 difficult, -1 negative."""
    return (labels >= 0 if difficult == "positive" else labels > 0).float()


def classification_loss(
    logits: Tensor,
    labels: Tensor,
    loss: BCE | SoftMargin | ASL,
    difficult: Difficult,
    reduction: Reduction = "mean",
    known: Tensor | None = None,
) -> Tensor:
    """The loss of a batch, a scalar in float32, or in float64 for float64 logits.

    Args:
        logits: `(B, C)`.
        labels: `(B, C)` with 1 positive, 0 difficult, -1 negative.
        loss: which one, with its parameters.
        difficult: what a difficult label counts as; ignored ones leave the mean or the sum.
        reduction: from the loss of each label to that of the batch: the mean that the kind of loss takes, the
            mean over the images of the sum over the classes, or the sum over both.
        known: `(B, C)` bool, labels that the head was told; they leave the mean or the sum too. None if there
            are none.
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    targets = targets_of(labels, difficult).to(wide.dtype)
    if isinstance(loss, ASL):
        terms = asymmetric_terms(wide, targets, loss)
    else:
        terms = F.binary_cross_entropy_with_logits(wide, targets, reduction="none")
    kept = _kept(labels, difficult, known)
    if reduction != "mean":
        total = (terms if kept is None else terms * kept).sum()
        return total if reduction == "sum" else total / len(terms)
    if isinstance(loss, SoftMargin):
        return _mean(terms, kept, dim=1).mean()
    return _mean(terms, kept)


def mean_loss(
    logits: NDArray[np.float32],
    labels: NDArray[np.int8],
    loss: BCE | SoftMargin | ASL,
    difficult: Difficult,
) -> float:
    """The mean loss of a whole split, in float64; the arguments are those of `classification_loss`."""
    wide = torch.from_numpy(logits).double()
    return float(classification_loss(wide, torch.from_numpy(labels), loss, difficult))


def share_of(
    part: Tensor, whole: Tensor, loss: BCE | SoftMargin | ASL, difficult: Difficult, reduction: Reduction
) -> Tensor | float:
    """What the loss of a part of a batch counts in that of the batch: so weighted, the parts add up to it.

    Labels that a head was told are taken to be spread evenly over the parts.

    Args:
        part: `(b, C)`, the labels of the part.
        whole: `(B, C)`, those of the batch.
        loss: as of `classification_loss`, like those that follow.
        difficult: what a difficult label counts as.
        reduction: from the loss of each label to that of the batch.
    """
    if reduction == "sum":
        return 1.0
    if difficult == "ignored" and _over_labels(loss, reduction):
        return (part != 0).sum() / (whole != 0).sum().clamp(min=1)
    return len(part) / len(whole)


def counted(
    labels: Tensor,
    loss: BCE | SoftMargin | ASL,
    difficult: Difficult,
    reduction: Reduction,
    known: Tensor | None,
) -> Tensor:
    """How many labels or images the loss of a part of a batch is a mean over, a scalar; 1 where it is a sum.

    The arguments are those of `classification_loss`.
    """
    if reduction == "sum":
        return torch.ones((), dtype=torch.int64, device=labels.device)
    kept = _kept(labels, difficult, known)
    if kept is not None and _over_labels(loss, reduction):
        return kept.sum()
    return torch.full((), len(labels), dtype=torch.int64, device=labels.device)


def _over_labels(loss: BCE | SoftMargin | ASL, reduction: Reduction) -> bool:
    """Whether every label counts the same, and not every image."""
    return reduction == "mean" and not isinstance(loss, SoftMargin)


def asymmetric_terms(logits: Tensor, targets: Tensor, loss: ASL) -> Tensor:
    """`-(1 - p)^gamma log p` of every label, `(B, C)`, before it is averaged.

    `p` is the probability of what is true: of the label for a positive, and of its absence for a negative,
    to which `clip` is added up to 1 (Eq. 4 to 7 of the paper).

    Args:
        logits: `(B, C)`.
        targets: `(B, C)` in {0, 1}, in the dtype of the logits.
        loss: the parameters.
    """
    absent = (torch.sigmoid(-logits) + loss.clip).clamp(max=1)
    probability = torch.where(targets > 0, torch.sigmoid(logits), absent)
    gamma = targets * loss.gamma_pos + (1 - targets) * loss.gamma_neg
    # The slope of a power below 1 is infinite at 0.
    weight = (1 - probability).clamp(min=loss.eps) ** gamma
    return -(weight if loss.focus_gradient else weight.detach()) * probability.clamp(min=loss.eps).log()


def _kept(labels: Tensor, difficult: Difficult, known: Tensor | None) -> Tensor | None:
    """Which labels give a loss, `(B, C)` bool; None where all do."""
    kept = labels != 0 if difficult == "ignored" else None
    if known is None:
        return kept
    return ~known if kept is None else kept & ~known


def _mean(terms: Tensor, kept: Tensor | None, dim: int | None = None) -> Tensor:
    """Mean of the terms that are kept, over all axes or one; 0 where none is."""
    if kept is None:
        return terms.mean(dim)
    return (terms * kept).sum(dim) / kept.sum(dim).clamp(min=1)
