"""Small files of word vectors, in every format, and the reading of them."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

from bench.methods.vectors.label_vectors import LabelVectors, label_vectors
from bench.methods.vectors.source import vector_source

Table = Mapping[str, Sequence[float]]
WORDS: Table = {
    "the": (9, 9, 9),
    "tv": (1, 0, 0),
    "monitor": (0, 1, 0),
    "dog": (0.25, 0, 2),
    "dining": (0, 3, 1),
    "table": (0, 1, 2),
    "cat": (0, 0, 2),
}


def write_glove(path: Path, words: Table = WORDS) -> Path:
    text = "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in words.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_words(path: Path, words: Table = WORDS) -> Path:
    """A file of word vectors, of the kind that its suffix says."""
    if ".txt" in path.suffixes:
        return write_glove(path, words)
    keyed = KeyedVectors(len(next(iter(words.values()))))
    keyed.add_vectors(list(words), np.array(list(words.values()), np.float32))
    path.parent.mkdir(parents=True, exist_ok=True)
    keyed.save_word2vec_format(str(path), binary=".bin" in path.suffixes)
    return path


def read(source: Path | str, names: tuple[str, ...], folder: Path) -> LabelVectors:
    return label_vectors(
        vector_source(str(source)), names, np.zeros((0, len(names)), np.int8), folder / "cache"
    )
