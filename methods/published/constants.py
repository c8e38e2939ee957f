"""Label vectors and label graphs that a published checkpoint needs but does not hold, read from files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.files import sha256_of_file
from bench.methods.vectors.arrays import load_arrays, read_named
from bench.methods.vectors.label_vectors import label_vectors
from bench.methods.vectors.source import vector_source
from bench.methods.vectors.words import Vectors

# SSGRL publishes probabilities without the counts; as counts they are exact to the ninth decimal.
IMAGES_OF_A_PROBABILITY = 10**9

LabelCounts = NDArray[np.int64]


def read_label_vectors(path: Path, names: tuple[str, ...], width: int, cache_folder: Path) -> Vectors:
    """The label vectors that a checkpoint was trained with.

    Args:
        path: `.npy` with one row per class, in the order of `names`; `.npz` with class names under `labels`
            and arrays of vectors, of which the one of the right width is taken; or word vectors as
            `label_vectors` reads them. In the last two the vectors are looked up by name.
        names: the C classes, in the order of the checkpoint.
        width: d, the size of a vector.
        cache_folder: where what was picked from a large file is kept.

    Returns:
        `(C, d)` float32.

    Raises:
        UserError: no such file, another format, a class without a vector, or another number or size of
            vectors.
    """
    source = vector_source(str(path))
    vectors: NDArray[Any]
    if source.kind == "ordered":
        vectors = _array(path)
    elif source.kind == "named":
        vectors, _ = read_named(path, None, names, width)
    else:
        nothing = np.zeros((0, len(names)), np.int8)
        vectors = label_vectors(source, names, nothing, cache_folder).values
    if vectors.shape != (len(names), width):
        raise UserError(
            f"The label vectors {path} are {' x '.join(map(str, vectors.shape))}, but the checkpoint takes "
            f"{len(names)} x {width}, one row per class; give those that it was trained with."
        )
    return vectors.astype(np.float32)


def read_graph(path: Path, classes: int) -> tuple[LabelCounts, LabelCounts]:
    """The counts of labels and of pairs of labels that a checkpoint was trained with.

    Args:
        path: `.npz` with `nums` `(C,)`, images per label, and `adj` `(C, C)`, images per pair, as published
            with ML-GCN; or `.npy` with the probabilities `P(j | i)` `(C, C)`, as published with SSGRL.
        classes: C.

    Returns:
        `counts` `(C,)` and `cooccurrence` `(C, C)`, in the order of the file, which must be that of the
        checkpoint's classes; probabilities are written as counts out of 10^9 images per label.

    Raises:
        UserError: no such file, another format, or another number of classes.
    """
    if path.suffix == ".npy":
        probability = _array(path)
        counts = np.full(len(probability), IMAGES_OF_A_PROBABILITY, np.int64)
        pairs = np.rint(probability.astype(np.float64) * IMAGES_OF_A_PROBABILITY).astype(np.int64)
    elif path.suffix == ".npz":
        arrays = _arrays(path)
        if not {"nums", "adj"} <= arrays.keys():
            raise UserError(f"The graph {path} needs 'nums' and 'adj'; it holds {', '.join(arrays)}.")
        counts, pairs = arrays["nums"].astype(np.int64), arrays["adj"].astype(np.int64)
    else:
        raise UserError(f"The graph {path} is none of .npz (nums and adj) or .npy (probabilities P(j|i)).")
    if counts.shape != (classes,) or pairs.shape != (classes, classes):
        raise UserError(
            f"The graph {path} is of {len(counts)} classes ({' x '.join(map(str, pairs.shape))}), the "
            f"checkpoint of {classes}; give the one that it was trained with."
        )
    return counts, pairs


def describe_file(path: Path) -> str:
    """A file's name and the beginning of its hash, as they are recorded."""
    return f"{path.name} (sha256 {sha256_of_file(path)[:16]})"


def _array(path: Path) -> NDArray[np.float64]:
    arrays = load_arrays(path, "file")
    if "" not in arrays:
        raise UserError(f"{path} is a .npz file, whatever it is called.")
    return arrays[""]


def _arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    arrays = load_arrays(path, "file")
    if "" in arrays:
        raise UserError(f"{path} is a .npy file, whatever it is called.")
    return arrays
