"""One split of a data set: image ids, files and labels, stored so that it loads at once."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB, read_arrays
from bench.files import atomic_path


@dataclass(frozen=True)
class SplitIndex:
    """The images of one split, in the order of the published list.

    Attributes:
        ids: N image ids.
        root: the folder that the image files are relative to.
        files: N image files, with `/` between folders on every system.
        labels: `(N, C)` int8 with 1 positive, 0 difficult (or not known), -1 negative.
        checksums: `(N,)` uint32, CRC-32 of the image files: with ids and labels they tell whether two trees
            hold the same data. Zero until the files have been read.
    """

    ids: tuple[str, ...]
    root: Path
    files: tuple[str, ...]
    labels: NDArray[np.int8]
    checksums: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.ids)

    def path(self, position: int) -> Path:
        """The file of one image."""
        return self.root / self.files[position]

    def take(self, positions: Iterable[int]) -> "SplitIndex":
        """Some of the images, in the order given."""
        kept = list(positions)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in kept),
            files=tuple(self.files[i] for i in kept),
            labels=self.labels[kept],
            checksums=self.checksums[kept],
        )

    def fingerprint(self) -> str:
        """A hash of ids, labels and image files: what a result depends on, wherever the tree lies."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.ids).encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update(self.checksums.tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path, stamp: dict[str, Any]) -> None:
        """Write the index, whole or not at all, with a stamp that says where it comes from."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                stamp=_bytes(json.dumps(stamp)),
                ids=_bytes("\n".join(self.ids)),
                files=_bytes("\n".join(self.files)),
                labels=self.labels,
                checksums=self.checksums,
            )

    @classmethod
    def load(cls, path: Path, root: Path) -> tuple["SplitIndex", dict[str, Any]]:
        """Read an index and its stamp.

        Raises:
            ValueError: the file is not a whole index.
            OSError: it cannot be read.
        """
        try:
            parts = read_arrays(path, ZLIB)  # labels that are nearly all negative pack very well
            labels, checksums = parts["labels"], parts["checksums"]
            ids, files = (tuple(_text(parts[name]).split("\n")) for name in ("ids", "files"))
            stamp = json.loads(_text(parts["stamp"]))
        except (ValueError, KeyError, RecursionError) as error:
            raise ValueError(f"{path} is not an index: {error}") from error
        if labels.ndim != 2 or labels.dtype != np.int8 or checksums.dtype != np.uint32:
            raise ValueError(f"{path} is not an index: its labels or checksums are of another kind")
        if not len(ids) == len(files) == len(labels) == checksums.size or not isinstance(stamp, dict):
            raise ValueError(f"{path} is not an index: its parts differ in length, or its stamp is none")
        return cls(ids, root, files, labels, checksums.ravel()), stamp


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _text(data: NDArray[np.uint8]) -> str:
    return data.tobytes().decode()


def pick(count: int, limit: int | None) -> list[int]:
    """Positions of at most `limit` of `count` images: the same ones for every seed, in list order."""
    if limit is None or limit >= count:
        return list(range(count))
    # A random choice, because published lists are sorted and their first images are alike.
    order = np.random.Generator(np.random.PCG64(0)).permutation(count)
    return sorted(int(i) for i in order[:limit])


def count_batches(images: int, batch_size: int, drop_last: bool) -> int:
    """Batches in an epoch; fewer images than a batch are one, and a single image left over is left out."""
    whole, left = divmod(images, min(batch_size, images))
    return whole + (not drop_last and left > 1)


def smallest_batch(images: int, batch_size: int, drop_last: bool) -> int:
    """Images in the smallest batch of an epoch, which is its last."""
    batches = count_batches(images, batch_size, drop_last)
    return min(batch_size, images - (batches - 1) * batch_size)
