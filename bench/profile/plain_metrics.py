"""Metrics as published codes compute them: element by element of tensors, in Python.

Written after what ML-GCN's evaluation does and most later codes took over: a walk down the ranking of each
class for its AP, a loop over the images for their top labels, and a loop over the classes for the counts.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def walked_average_precision(scores: Tensor, labels: Tensor) -> float:
    """AP, not interpolated, of one class, `(N,)` each; labels of 0 are not ranked."""
    seen, found, total = 0, 0, 0.0
    for image in scores.sort(descending=True).indices:
        label = labels[image]
        if label == 0:
            continue
        seen += 1
        if label == 1:
            found += 1
        if label == 1:
            total += found / seen
    return total / found


def walked_top(scores: Tensor, k: int) -> NDArray[np.float64]:
    """The scores `(N, C)` of the k highest labels of each image that are over the threshold; -1 elsewhere."""
    highest = scores.topk(k, dim=1).indices.numpy()
    kept, values = np.full(tuple(scores.shape), -1.0), scores.numpy()
    for image, classes in enumerate(highest):
        for c in classes:
            kept[image, c] = 1 if values[image, c] >= 0 else -1
    return kept


def walked_counts(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> tuple[float, ...]:
    """CP, CR, CF1, OP, OR and OF1, of scores and labels `(N, C)`."""
    classes = scores.shape[1]
    right, guessed, wanted = np.zeros(classes), np.zeros(classes), np.zeros(classes)
    for c in range(classes):
        predicted, true = scores[:, c] >= 0, labels[:, c] == 1
        right[c], guessed[c], wanted[c] = np.sum(true * predicted), np.sum(predicted), np.sum(true)
    guessed[guessed == 0] = 1
    op, recall = right.sum() / guessed.sum(), right.sum() / wanted.sum()
    cp, cr = (right / guessed).mean(), (right / wanted).mean()
    f1 = [2 * p * r / (p + r) for p, r in ((cp, cr), (op, recall))]
    return tuple(float(value) for value in (cp, cr, f1[0], op, recall, f1[1]))


def walked_metrics(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> tuple[float, ...]:
    """MAP, the six values over all labels, and the six over the top 3; scores and labels are `(N, C)`."""
    rows, marks = torch.from_numpy(scores), torch.from_numpy(labels)
    found = [walked_average_precision(rows[:, c], marks[:, c]) for c in range(scores.shape[1])]
    return (
        sum(found) / len(found),
        *walked_counts(scores, labels),
        *walked_counts(walked_top(rows, 3), labels),
    )
