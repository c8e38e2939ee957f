"""Files: read as a mapping, written so that they are whole or absent, hashed."""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO, cast

import yaml

from bench.alive import left_by_the_dead, temporary_mark
from bench.errors import UserError, cut, one_line

MOST_VALUES = 100_000
"""Values that a YAML text may have once its aliases are followed: a few hundred bytes can mean billions."""

LARGEST = 16 << 20
"""Bytes of a YAML file that is read: thousands of class names take a hundredth."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors in here tell which file was written: a full disk shows when bytes are, and names none."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def atomic_path(path: Path, lasting: bool = True) -> Iterator[Path]:
    """A temporary path that takes the name `path` when the block ends well, and goes when it does not.

    Args:
        path: of the file.
        lasting: whether it is to be there after a power failure. One of many in a folder that can be made
            again, whose reader sees whether it is whole, is neither waited for until the disk has it, nor
            looked for among what the dead left there, which `bench run` removes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if lasting:
        remove_those_of_the_dead(path.parent, path.name)
    # Not by tempfile, whose files nobody else may read: these get what the user grants for new files.
    temporary = path.parent / f".{path.name}.{temporary_mark()}{path.suffix}"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        with naming(path):
            yield temporary
            if lasting:
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder for what is to be called `name` once it is whole; what is left of it goes."""
    parent.mkdir(parents=True, exist_ok=True)
    remove_those_of_the_dead(parent, name)
    folder = parent / f".{name}.{temporary_mark()}"
    folder.mkdir()
    try:
        with naming(parent / name):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take_name(folder: Path, path: Path) -> None:
    """Give a whole folder its name, unless another process has put there what it made of the same."""
    try:
        folder.rename(path)
    except OSError:
        if not path.is_dir():
            raise


_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16,24}(\.[^.]*)?")


def remove_temporaries(folder: Path) -> None:
    """Remove what killed processes left half written in a folder that nobody else writes in now."""
    if folder.is_dir():
        for left in folder.iterdir():
            if _TEMPORARY.fullmatch(left.name):
                remove(left)


def remove_those_of_the_dead(folder: Path, name: str = "") -> None:
    """Remove what processes of this machine left half written in a folder that others may be writing in.

    Args:
        folder: where.
        name: what it was to be called; whatever it was if empty.
    """
    start = f".{name}." if name else "."
    if folder.is_dir():
        for left in os.listdir(folder):  # noqa: PTH208 (a path for each of thousands takes seconds)
            if left.startswith(start) and left_by_the_dead(left):
                with suppress(OSError):  # somebody else's, or gone
                    remove(folder / left)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8 with Unix line ends on every system.

    A byte of a file's name that is no UTF-8 is written as its escape, which is that of JSON too.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """A text file that somebody wrote, to be read as UTF-8; `.gz` is unpacked.

    Editors and spreadsheets may put a byte order mark first, which would become part of the first name.
    """
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=newline))
    return path.open(encoding="utf-8-sig", newline=newline)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        ValueError: it is not JSON in UTF-8, or cannot be held: nested too deep, numbers too long.
        OSError: it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path} is no JSON that can be read: {cut(one_line(error))}") from error


def read_mapping(path: Path, kind: str, may_be_empty: bool = False) -> dict[str, Any]:
    """The fields of a YAML file, which messages call `kind`: `schedule file`, for example.

    Raises:
        UserError: no such file, not YAML, or not a mapping.
    """
    if not path.is_file():
        raise UserError(f"The {kind} {path} does not exist.")
    if path.stat().st_size > LARGEST:
        raise UserError(f"The {kind} {path} has more than {LARGEST} bytes: it is none.")
    return parse_mapping(path.read_bytes(), f"The {kind} {path}", may_be_empty, str(path))


def parse_mapping(content: bytes, called: str, may_be_empty: bool = False, file: str = "") -> dict[str, Any]:
    """The fields of a YAML text, which messages call `called`, from a file; as `read_mapping`."""
    try:
        fields = parse_yaml(content, file or called)
    except ValueError as error:
        raise UserError(f"{called} is not YAML: {error}.") from error
    if fields is None and may_be_empty:
        return {}
    if not isinstance(fields, dict):
        raise UserError(f"{called} is not a mapping of names to values.")
    return {str(name): value for name, value in fields.items()}


def parse_yaml(content: bytes | str, file: str = "the value") -> Any:
    """The value of a YAML text.

    Args:
        content: the text.
        file: how messages call what it stands in, before line and column.

    Raises:
        ValueError: it is not YAML, says what no value can be (30 February), or is nested or repeated without
            end.
    """
    try:
        return yaml.load(_named(content, file), _Loader)
    except Exception as error:  # the constructors raise whatever Python does with what is written there
        raise ValueError(cut(one_line(error), 400).rstrip(".")) from error


def _named(content: bytes | str, name: str) -> IO[bytes] | IO[str]:
    """The text as a file of that name: of a plain text PyYAML says that it stands in "<byte string>"."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content)
    stream.name = name
    return stream


class _Loader(yaml.SafeLoader):
    """The safe loader, which looks at how much a document means before it is made."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Refuse a document of too many values, and one with a key twice, whose first value would be lost."""
        if _values_in(node, {}) > MOST_VALUES:
            raise ValueError(f"its aliases make more than {MOST_VALUES} values of it")
        for mapping in _mappings_in(node, set()):
            _refuse_equal_keys(mapping)
        return super().construct_document(node)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number that no message could quote: hexadecimal ones may have any length."""
        number = super().construct_yaml_int(node)
        str(number)  # a ValueError where it has too many digits
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _mappings_in(node: yaml.Node, seen: set[int]) -> Iterator[yaml.MappingNode]:
    if id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
    for part in node.value:
        for inner in part if isinstance(node, yaml.MappingNode) else (part,):
            yield from _mappings_in(inner, seen)


def _refuse_equal_keys(mapping: yaml.MappingNode) -> None:
    """A ValueError where a key stands twice; what `<<` brings may be given anew beside it."""
    lines: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            where = f"lines {lines[name]} and {line}" if line != lines[name] else f"line {line}"
            raise ValueError(f"'{cut(key.value)}' is given twice, in {where}; leave one out")
        lines[name] = line


def _values_in(node: yaml.Node, known: dict[int, int]) -> int:
    """Values in a node with its aliases followed; without end where it holds itself."""
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1  # until it is known
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for pair in inner for part in pair] if isinstance(node, yaml.MappingNode) else inner
        known[id(node)] = 1 + sum(_values_in(part, known) for part in parts)
    return known[id(node)]
