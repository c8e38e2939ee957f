"""Losses over `(B, C)` logits, computed in float32 whatever the precision of the model."""

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Difficult = Literal["positive", "negative", "ignored"]


def targets_of(labels: Tensor, difficult: Difficult) -> Tensor:
    """`(B, C)` float targets in {0, 1} from labels with 1 positive, 0 difficult, -1 negative."""
    return (labels >= 0 if difficult == "positive" else labels > 0).float()


def binary_cross_entropy(logits: Tensor, labels: Tensor, difficult: Difficult) -> Tensor:
    """Binary cross-entropy, mean over classes and images (the multi-label soft margin loss of ML-GCN).

    Args:
        logits: `(B, C)`.
        labels: `(B, C)` with 1 positive, 0 difficult, -1 negative.
        difficult: what a difficult label counts as; ignored ones leave the mean.
    """
    terms = F.binary_cross_entropy_with_logits(
        logits.float(), targets_of(labels, difficult), reduction="none"
    )
    if difficult != "ignored":
        return terms.mean()
    kept = (labels != 0).float()
    return (terms * kept).sum() / kept.sum().clamp(min=1)
