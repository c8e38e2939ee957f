"""How far an exported model is from the one that it was made of."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.engine.device.environment import fabric_on, precision_plugin
from bench.engine.models.model_file import ModelCard
from bench.publish.formats import Floats, Score
from bench.publish.graph import Scoring, cannot_be_exported

LOGITS: Final = 1e-4
"""Largest difference of a logit, as a share of the largest one."""
PROBABILITIES: Final = 1e-4
"""Largest difference of a probability."""
ALONE: Final = {"tdrg": "tdrg/attention=positions"}
"""With which options a method looks at one image at a time, where others do not."""

Batch = NDArray[np.uint8]


class Difference(NamedTuple):
    """The largest differences between two ways to score, NaN where one gives no number.

    Attributes:
        logits: of a logit.
        probabilities: of a probability.
        largest: logit of the first way, without its sign.
    """

    logits: float
    probabilities: float
    largest: float

    @property
    def tolerance(self) -> float:
        """What `logits` may be at most."""
        return LOGITS * self.largest

    @property
    def tolerable(self) -> bool:
        """Whether two ways that far apart are the same model."""
        return self.logits <= self.tolerance and self.probabilities <= PROBABILITIES


def difference(one: Score, other: Score, batches: Sequence[Batch]) -> Difference:
    """Compare two ways to score on batches `(B, 3, S, S)`."""
    pairs = [(one(batch), other(batch)) for batch in batches]
    return Difference(
        _largest([mine[0] - theirs[0] for mine, theirs in pairs]),
        _largest([mine[1] - theirs[1] for mine, theirs in pairs]),
        _largest([mine[0] for mine, _ in pairs]),
    )


def _largest(arrays: Sequence[Floats]) -> float:
    """The largest number without its sign; NaN where there is a NaN."""
    return float(np.max([np.abs(array).max() for array in arrays]))


def eager(scoring: Scoring) -> Score:
    """The model as it is, in float32."""

    def score(images: Batch) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            logits, probabilities = scoring(torch.from_numpy(images))
        return logits.float().numpy(), probabilities.float().numpy()

    return score


def in_training_precision(scoring: Scoring, card: ModelCard) -> Score | None:
    """The model in the precision that it was trained in; None where that is float32, or needs a GPU."""
    if card.precision != "bf16":
        return None
    cpu = torch.device("cpu")
    fabric, plain = fabric_on(cpu, precision_plugin(card.precision, cpu)), eager(scoring)

    def score(images: Batch) -> tuple[Floats, Floats]:
        with fabric.autocast():
            return plain(images)

    return score


def require_independence(plain: Score, batches: Sequence[Batch], card: ModelCard) -> None:
    """See that an image is scored alike alone and among others, as whoever uses a graph relies on.

    Raises:
        UserError: it is not.
    """

    def one_by_one(images: Batch) -> tuple[Floats, Floats]:
        parts = [plain(images[number : number + 1]) for number in range(len(images))]
        return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])

    largest = max(batches, key=len)
    found, alone = difference(plain, one_by_one, [largest]), ALONE.get(card.method.name)
    if not found.tolerable:
        raise cannot_be_exported(
            card,
            f"an image's logits depend on the other images of its batch, by {found.logits:.2g} in a batch of "
            f"{len(largest)}, so a graph would score it otherwise in other batches"
            + (f"; train it with {alone} instead." if alone else "."),
        )


def require_equal(found: Difference, card: ModelCard) -> None:
    """See that an exported file scores as its model does, but for rounding.

    Raises:
        UserError: it does not.
    """
    if not found.tolerable:
        raise cannot_be_exported(
            card,
            f"its logits would differ by up to {found.logits:.2g} and its probabilities by up to "
            f"{found.probabilities:.2g}; {found.tolerance:.2g} and {PROBABILITIES:g} would be rounding.",
        )
