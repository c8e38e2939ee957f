"""Vectors of classes from arrays of NumPy: `.npz` with names, matched by name, and `.npy` in class order."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ArrayError, PickleError, read_arrays
from bench.errors import UserError
from bench.methods.vectors.words import spelt

NAMES = ("labels", "names")
Array = NDArray[Any]


def read_named(
    path: Path, table: str | None, names: tuple[str, ...], width: int | None = None
) -> tuple[Array, tuple[str, ...]]:
    """The vectors of the classes, looked up by name, so that the order in the file does not matter.

    Args:
        path: `.npz` with the names under `labels` or `names` and one or more 2-D arrays of as many rows.
        table: which of these to take; None where there is one.
        width: take only arrays of vectors of so many numbers into account; None for any.
        names: C class names. One that the file does not have is looked up in ordinary words:
            `pottedplant` finds `potted plant`.

    Returns:
        `(C, d)`, and the name in the file of each class.

    Raises:
        UserError: no such array, several of them, or names without a vector, all of them listed.
    """
    arrays = load_arrays(path)
    if "" in arrays:
        raise UserError(f"The vector file {path} is a .npy file: call it .npy.")
    listed = next((arrays[key] for key in NAMES if key in arrays), None)
    if listed is None or listed.ndim != 1 or listed.dtype.kind not in "US":
        raise UserError(
            f"The vector file {path} does not say which vector is whose: put the class names under 'labels', "
            "with numpy.savez(FILE, labels=[...], vectors=...)."
        )
    there = [str(name) for name in listed.astype(np.str_)]
    twice = sorted({name for name in there if there.count(name) > 1})
    if twice:
        raise UserError(f"The vector file {path} names {', '.join(twice)} twice under its labels.")
    tables = {key: a for key, a in arrays.items() if a.ndim == 2 and len(a) == len(there)}
    vectors = _pick(path, table, {key: a for key, a in tables.items() if width in (None, a.shape[1])})
    rows = {spelt(name): row for row, name in reversed([*enumerate(there)])}
    rows |= {name: row for row, name in enumerate(there)}
    found = [rows.get(name, rows.get(spelt(name))) for name in names]
    missing = [name for name, row in zip(names, found, strict=True) if row is None]
    if missing:
        raise UserError(f"{path} has no vector for: {', '.join(missing)}; its labels must name every class.")
    taken = [row for row in found if row is not None]
    return vectors[taken], tuple(there[row] for row in taken)


def _pick(path: Path, table: str | None, tables: dict[str, Array]) -> Array:
    listed = " and ".join(f"{key} {_shape(array)}" for key, array in tables.items()) or "none"
    if table is None and len(tables) == 1:
        (only,) = tables.values()
        return only
    if table is None and tables:
        raise UserError(
            f"The vector file {path} holds several arrays of vectors, {listed}: name one behind the file, as "
            f"in {path.name}:{next(iter(tables))}."
        )
    if table not in tables:
        raise UserError(
            f"The vector file {path} has no array of vectors{f' {table!r}' if table else ''}, 2-D with a row "
            f"per label; it has {listed}."
        )
    return tables[table]


def read_ordered(path: Path, names: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    """The vectors of the classes from an `.npy` file of `(C, d)`, whose rows must be in their order.

    Returns:
        `(C, d)`, and the row of each class.

    Raises:
        UserError: another shape or number of rows.
    """
    arrays = load_arrays(path)
    if "" not in arrays:
        raise UserError(f"The vector file {path} is a .npz file: call it .npz.")
    vectors = arrays[""]
    if vectors.ndim != 2 or len(vectors) != len(names):
        raise UserError(
            f"The vector file {path} is an array of {_shape(vectors)}, but there are {len(names)} classes: "
            "give a row per class in the order of the classes, or a .npz file with the names under 'labels'."
        )
    return vectors, tuple(f"row {row}" for row in range(len(names)))


def load_arrays(path: Path, kind: str = "vector file") -> dict[str, Array]:
    """The arrays of a `.npz` file by name; that of a `.npy` file has the name ''.

    Args:
        path: the file.
        kind: what messages call it.

    Raises:
        UserError: no such file, another one, damaged, or holding Python objects, which are not loaded.
    """
    try:
        return read_arrays(path)
    except FileNotFoundError:
        raise UserError(f"The {kind} {path} does not exist.") from None
    except PickleError as error:
        raise UserError(
            f"The {kind} {path} holds Python objects, which are not loaded because that can run "
            "code; store plain arrays with numpy.savez(FILE, labels=[...], vectors=...)."
        ) from error
    except (ArrayError, OSError) as error:
        raise UserError(f"The {kind} {path} cannot be read as arrays: {error}.") from error


def _shape(array: Array) -> str:
    return " x ".join(map(str, array.shape))
