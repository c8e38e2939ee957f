"""How many images are computed at once: a whole batch, or as many as the memory of a GPU holds."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch

Found = TypeVar("Found")


class AtOnce:
    """Cuts batches into parts that fit the memory, which is found out by trying.

    Args:
        least: images that a part has at least; batch statistics need two.
        note: told where fewer images are computed at once from here on.
        whole: why batches are not cut, in a sentence; empty where they may be.
    """

    def __init__(self, least: int, note: Callable[[str], None] = lambda text: None, whole: str = "") -> None:
        self._least = least
        self._note = note
        self._whole = whole
        self.limit: int | None = None
        """Images at once; None as long as whole batches fit."""

    def parts(self, count: int) -> list[slice]:
        """The parts of a batch of `count` images, alike in size."""
        most = max(1, count // self._least)
        number = 1 if self.limit is None else min(most, -(-count // self.limit))
        ends = [count * part // number for part in range(number + 1)]
        return [slice(start, end) for start, end in pairwise(ends)]

    def attempt(self, count: int, compute: Callable[[], Found]) -> Found | None:
        """What `compute` makes of a batch of `count` images, or None: smaller parts are to be tried.

        Raises:
            torch.OutOfMemoryError: with the smallest parts too.
            RuntimeError: with the whole batch, where it is not to be cut.
        """
        parts = self.parts(count)
        try:
            return compute()
        except torch.OutOfMemoryError as error:
            if self._whole:
                raise RuntimeError(
                    f"the memory does not hold what {count} images at once take, and {self._whole}"
                ) from error
            if len(parts) >= count // self._least:
                raise
        # Here, because until the error is let go of, it holds on to what was computed.
        torch.cuda.empty_cache()  # nothing without a GPU
        largest = max(part.stop - part.start for part in parts)
        self.limit = -(-largest // 2)
        self._note(
            f"the memory does not hold what {largest} images at once take; from here on {self.limit} are "
            "computed at once"
        )
        return None
