"""One picture's annotation in the XML of PASCAL VOC, as many tools write it."""

import codecs
import re
from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from bench.datasets.boxes import share_of
from bench.datasets.listing import unprintable

# The declaration of a text whose letters are single bytes or begin with one.
_DECLARED = re.compile(
    rb"""\A(?:\xef\xbb\xbf)?<\?xml[^>]{0,99}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
# Python's names of what expat cannot read. Not every codec: some are no encodings, and some take hours.
_MULTI_BYTE = frozenset(
    {
        *("big5", "big5hkscs", "gb18030", "gb2312", "gbk", "euc_jp", "euc_kr", "shift_jis"),
        *("cp932", "cp949", "cp950"),
    }
)
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_UTF_16 = frozenset({"utf-16", "utf-16-le", "utf-16-be"})


class Annotation(NamedTuple):
    """What an annotation says of its image.

    Attributes:
        labels: the classes: 1 where any object is not difficult, else 0.
        filename: the name that it gives the picture, which may be anything; empty where it gives none.
    """

    labels: dict[str, int]
    filename: str = ""


def read_annotation(path: Path) -> Annotation:
    """The classes of one image, and the name of its picture.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not XML, not an annotation, or an object lacks its name or has one that no
            table can show.
    """
    if not path.is_file():  # a device or a pipe could be read for ever
        raise FileNotFoundError(f"no file {path}")
    root = _parsed(path.read_bytes())
    if root.tag != "annotation":
        raise ValueError(f"not an annotation but <{root.tag}>")
    found: dict[str, int] = {}
    for number, element in _objects(root):
        name = (element.findtext("name") or "").strip()
        if not name:
            raise ValueError(f"object {number} has no name")
        if fault := unprintable(name):
            raise ValueError(f"the name of object {number}, {name!r}, {fault}")
        found[name] = max(found.get(name, 0), int(not _is_difficult(element)))
    return Annotation(found, (root.findtext("filename") or "").strip())


def read_shares(path: Path) -> dict[str, float]:
    """The share of the picture that the largest box of each class covers.

    Where a class has objects that are not difficult, the others are not looked at. A box without numbers, and
    every box of a picture whose size is not told, is left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not XML.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    root = _parsed(path.read_bytes())
    size = [_number(root, f"size/{side}") for side in ("width", "height")]
    found: dict[str, tuple[bool, float]] = {}
    for _, element in _objects(root):
        left, top, right, bottom = (_number(element, f"bndbox/{edge}") for edge in _EDGES)
        share = share_of(right - left, bottom - top, *size)
        if share is not None:
            name = (element.findtext("name") or "").strip()
            one = not _is_difficult(element), share
            found[name] = max(found.get(name, one), one)
    return {name: share for name, (_, share) in found.items()}


def _number(element: ElementTree.Element, path: str) -> float:
    """The number in an element; NaN where there is none."""
    try:
        return float(element.findtext(path) or "nan")
    except ValueError:
        return nan


def _objects(root: ElementTree.Element) -> Iterator[tuple[int, ElementTree.Element]]:
    """The objects with their number from 1, but those that LabelMe marks as deleted and keeps."""
    for number, element in enumerate(root.iter("object"), start=1):
        if not _is_said(element, "deleted"):
            yield number, element


def _is_difficult(element: ElementTree.Element) -> bool:
    return _is_said(element, "difficult")


def _is_said(element: ElementTree.Element, name: str) -> bool:
    # Tools write Unspecified, False, or nothing at all for what is not so.
    return (element.findtext(name) or "").strip().lower() in ("1", "true")


def _parsed(content: bytes) -> ElementTree.Element:
    """The root of an XML text, read in the encoding that it declares; expat refuses entities without end."""
    match = _DECLARED.match(content)
    declared = match[1].decode() if match else ""
    try:
        return ElementTree.fromstring(_decoded(content, declared))
    # LookupError: an encoding that is not known; UnicodeError, a ValueError: bytes that it does not have.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        said = f", in its encoding '{declared}'" if declared else ""
        raise ValueError(f"not well-formed XML{said}: {error}") from error


def _decoded(content: bytes, declared: str) -> bytes | str:
    """Bytes that expat can read, or the text where it does not know the encoding."""
    codec = codecs.lookup(declared).name if declared else ""
    if codec in _MULTI_BYTE:
        return content.decode(codec)
    # Written by programs that hold text in UTF-16 and save it in UTF-8: else it could not have been matched.
    return content.decode("utf-8-sig") if codec in _UTF_16 else content
