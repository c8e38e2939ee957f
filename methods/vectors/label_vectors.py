"""Label vectors, one per class: from a file, by chance, from a language model, or from the label sets."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.files import atomic_path, canonical_json
from bench.methods.vectors.arrays import read_named, read_ordered
from bench.methods.vectors.bert import PUBLISHED, bert_vectors
from bench.methods.vectors.words import SUFFIXES, read_word_vectors
from bench.resolve import unknown_name
from bench.settings import data_root, work_folder

LABEL_SETS = "label-sets"
RANDOM = "random"
BERT = "bert"
# What `bench data download` puts into the folder `vectors` under the data root.
NAMED_FILES = {
    "glove": ("glove.840B.300d.txt", "glove.840B.300d.txt.gz"),
    "word2vec": ("GoogleNews-vectors-negative300.bin", "GoogleNews-vectors-negative300.bin.gz"),
}
SOURCES = (LABEL_SETS, RANDOM, *NAMED_FILES, BERT)
DIMENSION = 300
EPOCHS = 20
# Raised when the same source gives other vectors, so that kept ones are not believed.
RECIPE = 2

Vectors = NDArray[np.float32]
Made = tuple[NDArray[np.generic], tuple[str, ...]]


@dataclass(frozen=True)
class LabelVectors:
    """The vectors of the C classes of a data set.

    Attributes:
        values: `(C, d)` float32.
        made_of: for each class what its vector was made of: the words that were looked up, for example.
        origin: the source without its folder: `glove.840B.300d.txt`.
        kept: the file that they are kept in, a `.npz` that can be given as a source in turn.
    """

    values: Vectors
    made_of: tuple[str, ...]
    origin: str
    kept: Path

    def digest(self) -> str:
        """Sixteen hexadecimal digits that identify the values."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()[:16]

    def identity(self) -> str:
        """What a run records: the origin and the digest, `glove.840B.300d.txt:0123456789abcdef`.

        Vectors trained on the label sets follow from the data, so they are `label-sets` without a digest.
        """
        return LABEL_SETS if self.origin == LABEL_SETS else f"{self.origin}:{self.digest()}"

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


def find_source(text: str, root: Path | None) -> str:
    """The source that a text means, with the file of `glove` and `word2vec` found.

    Args:
        text: as `label_vectors` takes it, or `glove` or `word2vec` for the file that
            `bench data download` puts under the data root.
        root: the data root as given on the command line; the environment, the configuration file and the
            work folder are asked too.

    Raises:
        UserError: no such file, or a name that is no source.
    """
    if text in NAMED_FILES:
        return str(_named_file(text, root))
    if text in SOURCES:
        return text
    folder = _bert_folder(text)
    path = folder or _split(text)[0]
    if folder and not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist; bert:DIR names one with a model in it.")
    if not path.exists() and text == path.name and not path.suffix:
        raise unknown_name("source of label vectors", text, [*SOURCES, "bert:DIR", "FILE"])
    if not path.exists() or (path.is_dir() and not folder):
        sources = ", ".join(f"'{name}'" for name in SOURCES)
        raise UserError(f"The vector file {path} does not exist; give a file, or {sources}.")
    return text


def _named_file(name: str, root: Path | None) -> Path:
    roots = [root, data_root(name, None), work_folder() / "data"]
    folders = list(dict.fromkeys(folder / "vectors" for folder in roots if folder is not None))
    files = [folder / file for folder in folders for file in NAMED_FILES[name]]
    for path in files:
        if path.is_file():
            return path
    raise UserError(
        f"There is no {NAMED_FILES[name][0]} in {' or '.join(map(str, folders))}: run `bench data download "
        f"{name}`, put the file there, or name it instead of '{name}'."
    )


def label_vectors(
    source: str, names: tuple[str, ...], labels: NDArray[np.int8], cache_folder: Path
) -> LabelVectors:
    """One vector per class.

    Args:
        source: `label-sets` to train on the training split; `random`; `bert`, or `bert:DIR` for a model in a
            folder; `glove` or `word2vec` where it was downloaded to; or a file: word vectors as
            `read_word_vectors` takes them, `.npz` with names (`FILE.npz:ARRAY` where it has several arrays
            of vectors), or `.npy` in class order.
        names: C class names.
        labels: `(N, C)` of the training split; used by `label-sets` alone.
        cache_folder: where the result is kept, so that a large file is read once.

    Raises:
        UserError: no such file, a file of another kind, a damaged one, another number of vectors, or class
            names without a vector, all of them listed.
    """
    recipe = _recipe(find_source(source, None), names, labels)
    key = hashlib.sha256(canonical_json([RECIPE, recipe.origin, recipe.state, names]).encode()).hexdigest()
    kept = (cache_folder / f"vectors-{key[:16]}.npz").absolute()
    stored = _load(kept)
    if stored is None:
        made, made_of = recipe.make()
        stored = _checked(made, names, source), made_of
        with atomic_path(kept) as temporary:
            np.savez(temporary, labels=names, vectors=stored[0], made_of=made_of)
    return LabelVectors(*stored, recipe.origin, kept)


def _recipe(source: str, names: tuple[str, ...], labels: NDArray[np.int8]) -> _Recipe:
    if source == LABEL_SETS:
        return _Recipe(source, (hashlib.sha256(labels.tobytes()).hexdigest(),), lambda: _train(labels))
    if source == RANDOM:
        return _Recipe(source, (), lambda: _draw(names))
    if source == BERT:
        return _Recipe(PUBLISHED, (), lambda: bert_vectors(None, names))
    folder = _bert_folder(source)
    if folder:
        state = tuple(part for path in sorted(folder.iterdir()) for part in _state(path))
        return _Recipe(f"bert:{folder.resolve().name}", state, lambda: bert_vectors(folder, names))
    path, table = _split(source)
    origin = f"{path.name}:{table}" if table else path.name
    return _Recipe(origin, _state(path), lambda: _read(path, table, names))


def _bert_folder(source: str) -> Path | None:
    return Path(source.removeprefix("bert:")) if source.startswith("bert:") else None


def _state(path: Path) -> tuple[str, ...]:
    """What changes when a file does; to hash gigabytes would take longer than to read them."""
    status = path.stat()
    return str(path.resolve()), str(status.st_size), str(status.st_mtime_ns)


def _split(source: str) -> tuple[Path, str | None]:
    """`FILE.npz:ARRAY` in its two parts."""
    file, colon, table = source.rpartition(":")
    return (Path(file), table) if colon and file.endswith(".npz") else (Path(source), None)


def _read(path: Path, table: str | None, names: tuple[str, ...]) -> Made:
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".npz":
        return read_named(path, table, names)
    if path.suffix == ".npy":
        return read_ordered(path, names)
    if kind in SUFFIXES:
        return read_word_vectors(path, names)
    if kind in (".pkl", ".pickle"):
        raise UserError(
            f"The vector file {path} is a pickle, which can run code when it is read; where you trust it, "
            "turn it into a .npz file with numpy.savez(FILE, labels=[class names in its order], "
            "vectors=pickle.load(...)); the published COCO vectors of ML-GCN are in alphabetical order."
        )
    raise UserError(
        f"The vector file {path} is none of .txt (GloVe), .vec or .bin (word2vec), .npz (names and vectors) "
        "or .npy (vectors in class order)."
    )


def _checked(made: NDArray[np.generic], names: tuple[str, ...], source: str) -> Vectors:
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
        with np.load(kept, allow_pickle=False) as arrays:
            return arrays["vectors"], tuple(arrays["made_of"].tolist())
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


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
