"""One split of a data set: image ids, paths and labels, and a hash of what it holds."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SplitIndex:
    """The images of one split, in the order of the published list.

    Attributes:
        ids: N image ids.
        paths: N image files.
        labels: `(N, C)` int8 with 1 positive, 0 difficult, -1 negative.
        checksums: N CRC-32 of the image files: with ids and labels they tell whether two trees hold the
            same data.
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.int8]
    checksums: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def fingerprint(self) -> str:
        """A hash of ids, labels and image files: what a result depends on, wherever the tree lies."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.ids).encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update(np.asarray(self.checksums, dtype=np.uint32).tobytes())
        return digest.hexdigest()[:16]


def pick(count: int, limit: int | None) -> list[int]:
    """Positions of at most `limit` of `count` images: the same ones for every seed, in list order."""
    if limit is None or limit >= count:
        return list(range(count))
    # A random choice, because published lists are sorted and their first images are alike.
    order = np.random.Generator(np.random.PCG64(0)).permutation(count)
    return sorted(int(i) for i in order[:limit])
