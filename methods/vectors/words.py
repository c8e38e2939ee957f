"""Vectors of class names from files of word vectors: GloVe text, word2vec text and word2vec binary.

A name is split into words; its vector is the mean of theirs (SSGRL, ICCV 2019, as MultiLabelClassification's
preparation does it; the vectors distributed with a SALGL reproduction are the sums instead).
"""

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB
from bench.errors import UserError, cut

Vectors = NDArray[np.float32]
Words = Mapping[str, Vectors]
BinaryFile = IO[bytes] | gzip.GzipFile

# Under which words the vector of a word of a class name is looked up; the first that a file has. The three
# compounds of VOC are two words each in the published vectors of SSGRL and SALGL (ML-GCN's take 'tv' alone
# for tvmonitor); the file is asked for the compound itself last, for vectors that were trained on such names.
WORDS_TO_LOOK_UP = {
    "diningtable": ("dining table", "diningtable"),
    "pottedplant": ("potted plant", "pottedplant"),
    "tvmonitor": ("tv monitor", "tvmonitor"),
    "aeroplane": ("aeroplane", "airplane"),
    "motorbike": ("motorbike", "motorcycle"),
    "donut": ("donut", "doughnut"),
    "drier": ("drier", "dryer"),
}
SUFFIXES = (".txt", ".vec", ".bin")
LONGEST_LINE = 1 << 20
"""Bytes: a vector of 40,000 numbers."""


def spellings(name: str) -> list[tuple[str, ...]]:
    """For each word of a class name in turn, how it may be spelt, best first; words are in lower case.

    Words are what stands between spaces, hyphens, underscores, slashes and other punctuation.
    """
    return [WORDS_TO_LOOK_UP.get(word, (word,)) for word in re.findall(r"[^\W_]+", name.lower())]


def spelt(name: str) -> str:
    """A class name in ordinary words: `tvmonitor` is `tv monitor`, `traffic_light` is `traffic light`."""
    return " ".join(options[0] for options in spellings(name))


def read_word_vectors(path: Path, names: tuple[str, ...]) -> tuple[Vectors, tuple[str, ...]]:
    """One vector per class: the mean of the vectors of the words of its name.

    Args:
        path: `.txt` (GloVe text), `.vec` (word2vec text) or `.bin` (word2vec binary), each also with `.gz`.
        names: C class names.

    Returns:
        `(C, d)`, and the words of each class that were looked up.

    Raises:
        UserError: the file is not what its suffix says, or is damaged; or words of the names have no vector
            in it, all of them listed.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    wanted = {word for name in names for options in spellings(name) for s in options for word in s.split()}
    try:
        words: Words = _read_binary(path) if kind == ".bin" else _read_text(path, wanted, kind == ".vec")
    except MemoryError as error:
        raise UserError(
            f"The vector file {path} does not fit into memory ({error}): it is damaged, or needs a larger "
            "machine."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        reason = cut(str(error).rstrip("."))
        raise UserError(f"The vector file {path} is damaged: {reason}; get it again.") from error
    missing: dict[str, list[str]] = {}
    used = [_choose(name, words, missing) for name in names]
    if missing:
        listed = ", ".join(f"{word} ({', '.join(of)})" for word, of in missing.items())
        raise UserError(f"{path} has no vector for: {listed}; take a file that has these words.")
    rows = [np.mean([words[word] for word in chosen.split()], axis=0, dtype=np.float64) for chosen in used]
    return np.array(rows, np.float32), tuple(used)


def _choose(name: str, words: Words, missing: dict[str, list[str]]) -> str:
    """The words of a name that have a vector, separated by spaces; those without are noted in `missing`."""
    chosen = []
    for options in spellings(name) or [("no word",)]:
        known = [s for s in options if all(word in words for word in s.split())]
        if known:
            chosen.append(known[0])
        else:
            missing.setdefault(" or ".join(f"'{s}'" for s in options), []).append(name)
    return " ".join(chosen)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[bytes, BinaryFile]]:
    """The first line of a file, unpacked if need be, and the file behind it."""
    file: BinaryFile
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        first = _line(path, file)
        if not first:
            raise UserError(f"The vector file {path} is empty.")
        yield first.removeprefix(BOM_UTF8), file


def _line(path: Path, file: BinaryFile) -> bytes:
    """The next line; UserError where it is longer than any vector, as in what unpacks to one endless line."""
    line = file.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE:
        raise UserError(
            f"The vector file {path} has a line of more than {LONGEST_LINE} bytes: it is no file of word "
            "vectors."
        )
    return line


def _header(path: Path, first: bytes) -> tuple[int, int]:
    """The number of words and of dimensions that a word2vec file begins with."""
    found = re.fullmatch(rb"\s*(\d{1,12}) (\d{1,6})\s*", first)
    if not found or not int(found[2]):
        raise UserError(
            f"The vector file {path} is no word2vec file: its first line is not the number of words and of "
            "dimensions; GloVe text, which has no such line, is called .txt."
        )
    return int(found[1]), int(found[2])


def _read_text(path: Path, wanted: set[str], has_header: bool) -> dict[str, Vectors]:
    """The vectors of the wanted words.

    Not by gensim: it gives up at the words of glove.840B.300d that have spaces in them (`. . .`), and holds
    all 2.2 million vectors to pick a few.
    """
    left = {word.encode() for word in wanted}
    found: dict[str, Vectors] = {}
    with _opened(path) as (first, file):
        if has_header:
            count, size = _header(path, first)
        else:
            count, size = None, _size_of_glove(path, first)
            file.seek(0)
        number = before = 1 if has_header else 0
        while line := _line(path, file):
            number += 1
            # An editor may have put the mark before the first word.
            line = line.removeprefix(BOM_UTF8) if number == 1 else line
            word, vector = _parse(path, number, line.rstrip(), size, left)
            if vector is not None:
                found[word.decode()] = vector
                left.remove(word)
                if not left:
                    return found
    if count is not None and number - before != count:
        raise EOFError(f"it has {number - before} words where its first line says {count}")
    return found


def _parse(
    path: Path, number: int, line: bytes, size: int, wanted: set[bytes]
) -> tuple[bytes, Vectors | None]:
    """The word of a line, and its vector if it is wanted. Only then are the numbers read: that is slow."""
    count = line.count(b" ")
    word = line[: line.find(b" ")]
    vector = None
    if count >= size and word in wanted:
        try:
            vector = np.array(line.split(b" ")[1:], np.float32)
            count = len(vector)
        except ValueError:
            if count == size:
                raise UserError(f"Line {number} of {path} holds something that is not a number.") from None
            # A word with spaces that begins with a wanted one.
    if count < size or (vector is not None and count != size):
        raise UserError(
            f"Line {number} of {path} has {count} numbers where {size} are expected; the file is damaged, or "
            "no file of word vectors."
        )
    return word, vector


def _size_of_glove(path: Path, first: bytes) -> int:
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        raise UserError(f"The vector file {path} is a word2vec file: call it .vec (text) or .bin (binary).")
    try:
        np.array(fields[1:], np.float32)
        first.decode()
    except ValueError:
        fields = []
    if len(fields) < 2:
        raise UserError(f"The vector file {path} is no GloVe text: its first line is not a word and numbers.")
    return len(fields) - 1


def _read_binary(path: Path) -> Words:
    with _opened(path) as (first, file):
        words_in, size = _header(path, first)
        start = file.read(400)
    # Memory for all of them is asked for before the first is read.
    packing = ZLIB if path.suffix == ".gz" else 1
    if words_in * size * 4 > path.stat().st_size * packing:
        raise EOFError(f"it has no room for the {words_in} words of {size} numbers that it declares")
    # The bytes of numbers are never all printable; read as binary, text would give senseless vectors.
    if re.fullmatch(rb"[\s\x20-\x7e]+", start):
        raise UserError(f"The vector file {path} is text, not binary: call it .vec.")
    from gensim.models import KeyedVectors

    words: Words = KeyedVectors.load_word2vec_format(str(path), binary=True)
    return words
