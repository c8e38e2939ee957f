"""Label vectors, one per class: from a file, by chance, from a language model, or from the label sets."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB, read_arrays
from bench.errors import UserError
from bench.files import atomic_path, canonical_json
from bench.methods.vectors.arrays import read_named, read_ordered
from bench.methods.vectors.bert import bert_vectors
from bench.methods.vectors.source import LABEL_SETS, VectorSource
from bench.methods.vectors.words import Vectors, read_word_vectors

DIMENSION = 300
EPOCHS = 20
# Raised when the same source gives other vectors, so that kept ones are not believed.
RECIPE = 2

Made = tuple[NDArray[np.generic], tuple[str, ...]]


@dataclass(frozen=True)
class LabelVectors:
    """The vectors of the C classes of a data set.

    Attributes:
        values: `(C, d)` float32.
        made_of: for each class what its vector was made of: the words that were looked up, for example.
        source: where they come from.
        kept: the file that they are kept in, a `.npz` that can be given as a source in turn.
    """

    values: Vectors
    made_of: tuple[str, ...]
    source: VectorSource
    kept: Path

    def digest(self) -> str:
        """Sixteen hexadecimal digits that identify the values."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()[:16]

    def identity(self) -> str:
        """What a run records: the origin and the digest, `glove.840B.300d.txt:0123456789abcdef`.

        Vectors trained on the label sets follow from the data, so they are `label-sets` without a digest.
        """
        origin = self.source.origin
        return origin if self.source == LABEL_SETS else f"{origin}:{self.digest()}"

    def nearest(self) -> list[tuple[int, float]]:
        """For each class the other class with the largest cosine, and the cosine; C is two or more."""
        lengths = np.linalg.norm(self.values, axis=1, keepdims=True)
        directions = self.values / np.where(lengths > 0, lengths, 1)
        cosines = directions @ directions.T
        np.fill_diagonal(cosines, -2)
        return [(int(row.argmax()), float(row.max())) for row in cosines]


@dataclass(frozen=True)
class _Recipe:
    """How vectors are made. `state` is all that decides them, beside the names of the classes."""

    origin: str
    state: tuple[str, ...]
    make: Callable[[], Made]


def label_vectors(
    source: VectorSource, names: tuple[str, ...], labels: NDArray[np.int8], cache_folder: Path
) -> LabelVectors:
    """One vector per class.

    Args:
        source: where they come from.
        names: C class names.
        labels: `(N, C)` of the training split; used by `label-sets` alone.
        cache_folder: where the result is kept, so that a large file is read once.

    Raises:
        UserError: a damaged file, another number of vectors, or class names without a vector, all of them
            listed.
    """
    recipe = _recipe(source, names, labels)
    key = hashlib.sha256(canonical_json([RECIPE, recipe.origin, recipe.state, names]).encode()).hexdigest()
    kept = (cache_folder / f"vectors-{key[:16]}.npz").absolute()
    stored = _load(kept)
    if stored is None:
        made, made_of = recipe.make()
        stored = _checked(made, names, source), made_of
        with atomic_path(kept) as temporary:
            np.savez(temporary, labels=names, vectors=stored[0], made_of=made_of)
    return LabelVectors(*stored, source, kept)


def _recipe(source: VectorSource, names: tuple[str, ...], labels: NDArray[np.int8]) -> _Recipe:
    path = source.path
    if source.kind == "label-sets":
        # A record names the packages of its run, and these vectors by the label sets alone.
        trained_by = version("gensim"), version("numpy")
        of_labels = hashlib.sha256(labels.tobytes()).hexdigest()
        return _Recipe(source.origin, (of_labels, *trained_by), lambda: _train(labels))
    if source.kind == "random":
        return _Recipe(source.origin, (), lambda: _draw(names))
    if source.kind == "bert":
        files = sorted(path.iterdir()) if path else []
        state = tuple(part for file in files for part in _state(file))
        return _Recipe(source.origin, state, lambda: bert_vectors(path, names))
    assert path is not None
    readers: dict[str, Callable[[], Made]] = {
        "words": lambda: read_word_vectors(path, names),
        "named": lambda: read_named(path, source.table, names),
        "ordered": lambda: read_ordered(path, names),
    }
    return _Recipe(source.origin, _state(path), readers[source.kind])


def _state(path: Path) -> tuple[str, ...]:
    """What changes when a file does; to hash gigabytes would take longer than to read them."""
    status = path.stat()
    return str(path.resolve()), str(status.st_size), str(status.st_mtime_ns)


def _checked(made: NDArray[np.generic], names: tuple[str, ...], source: VectorSource) -> Vectors:
    if made.dtype.kind not in "fiu" or made.shape[1] == 0:
        raise UserError(f"The vectors from {source} are not numbers, or none: {made.dtype}, {made.shape}.")
    vectors = made.astype(np.float32)
    bad = [name for name, row in zip(names, vectors, strict=True) if not np.isfinite(row).all()]
    if bad:
        raise UserError(f"The vectors from {source} are not finite for: {', '.join(bad)}.")
    return vectors


def _load(kept: Path) -> tuple[Vectors, tuple[str, ...]] | None:
    """Kept vectors; None where there are none, or the file is damaged."""
    try:
        arrays = read_arrays(kept, ZLIB)
        vectors, made_of = arrays["vectors"], tuple(map(str, arrays["made_of"].ravel()))
    except (OSError, ValueError, KeyError):
        return None
    whole = vectors.ndim == 2 and vectors.dtype == np.float32 and len(vectors) == len(made_of)
    return (vectors, made_of) if whole else None


def _draw(names: tuple[str, ...]) -> Made:
    """Standard normal vectors; that of a class follows from its name alone."""
    seeds = [np.frombuffer(hashlib.sha256(name.encode()).digest(), np.dtype("<u4")) for name in names]
    # RandomState, because NumPy promises that its numbers stay the same from version to version.
    rows = [np.random.RandomState(seed).standard_normal(DIMENSION) for seed in seeds]
    return np.array(rows, np.float32), tuple("drawn from its name" for _ in names)


def _train(labels: NDArray[np.int8]) -> Made:
    """Skip-gram vectors of the classes, each image's positive labels being a sentence.

    One worker and a fixed seed: equal label sets give equal vectors.
    """
    from gensim.models import Word2Vec

    columns = range(labels.shape[1])
    sentences = [[str(column) for column in np.flatnonzero(row == 1)] for row in labels]
    # sample=0: gensim would drop nearly every word, because with so few words each is a frequent one.
    model = Word2Vec(
        vector_size=DIMENSION, window=len(columns), min_count=1, sg=1, sample=0, seed=0, workers=1
    )
    # One sentence more per class, so that a class without a training image has a (random) vector too.
    model.build_vocab([*sentences, *([str(column)] for column in columns)])
    model.train(sentences, total_examples=len(sentences), epochs=EPOCHS)
    counts = (labels == 1).sum(axis=0)
    vectors = np.stack([model.wv[str(column)] for column in columns]).astype(np.float32)
    return vectors, tuple(f"the label sets of {count} images" for count in counts)
