"""Read arrays that NumPy stored, from a file that may be damaged or made to do harm.

What a file declares is looked at before anything is made of it: an array is no larger than its bytes, and a
packed file does not unpack to many times its size.
"""

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bench.errors import cut, one_line

FACTOR = 200
"""A packed file of a stranger may unpack to this many times its own size; scores stay below 20."""
ZLIB = 1100
"""More than what zlib can pack into a byte: no limit but that."""
ALLOWANCE = 64 << 20
"""Bytes that it may unpack to in any case."""

Array = NDArray[Any]


class ArrayError(ValueError):
    """A file does not hold arrays, is damaged, or is refused; says why, without its name."""


class PickleError(ArrayError):
    """A file holds Python objects, which are not loaded because that can run code."""


def read_arrays(path: Path, factor: int = FACTOR) -> dict[str, Array]:
    """The arrays of a `.npz` file by name; that of a `.npy` file has the name ''.

    Args:
        path: the file, of either kind whatever it is called.
        factor: how many times its own size a packed file may unpack to.

    Raises:
        ArrayError: whatever is wrong with the content.
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
        file.seek(0)
        try:
            return _read_packed(file, factor) if packed else {"": _read_array(file, path.stat().st_size)}
        except ArrayError:
            raise
        except Exception as error:  # of zlib, zipfile, tokenize, NumPy, each with kinds of its own
            raise ArrayError(cut(one_line(error), 300).rstrip(".")) from error


def check_packed(archive: zipfile.ZipFile, size: int, factor: int = FACTOR) -> None:
    """ArrayError where the files in an archive of `size` bytes are more than they should be together."""
    declared = sum(entry.file_size for entry in archive.infolist())
    if declared > max(ALLOWANCE, factor * size):
        raise ArrayError(f"its {size} bytes unpack to {declared}, which is more than such a file holds")


def _read_packed(file: IO[bytes], factor: int) -> dict[str, Array]:
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        check_packed(archive, file.seek(0, os.SEEK_END), factor)
        for entry in archive.infolist():
            with archive.open(entry) as member:
                arrays[entry.filename.removesuffix(".npy")] = _read_array(member, entry.file_size)
    return arrays


def _read_array(file: IO[bytes], size: int) -> Array:
    """The array in a `.npy` file of so many bytes."""
    start = file.read(len(npy.MAGIC_PREFIX))
    if start[:1] == b"\x80":
        raise PickleError("it is a pickle")
    if start != npy.MAGIC_PREFIX:
        raise ArrayError("it is no array of NumPy")
    file.seek(0)
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read_header(file)
    if dtype.hasobject:
        raise PickleError("it holds Python objects")
    # Python's numbers, which do not overflow.
    declared, held = math.prod(shape) * dtype.itemsize, size - file.tell()
    if declared > held or min(shape, default=0) < 0:
        raise ArrayError(f"its header declares {cut(str(shape))} of {dtype}, but only {held} bytes follow")
    # Not by NumPy, which would begin anew: to read a header twice takes longer than all of a small array.
    content = bytearray(file.read(declared))
    if len(content) < declared:
        raise ArrayError(f"it ends after {len(content)} of {declared} bytes")
    array: Array = np.ndarray(shape, dtype, content, order="F" if by_columns else "C")
    return array
