"""Files: read as a mapping, written so that they are whole or absent, hashed."""

import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

import yaml

from bench.errors import UserError, one_line


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path that takes the name `path` when the block ends well, and goes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if error.errno and error.filename is None:  # a full disk, which shows when bytes are written
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8 with Unix line ends on every system."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


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


def read_mapping(path: Path, kind: str, may_be_empty: bool = False) -> dict[str, Any]:
    """The fields of a YAML file, which messages call `kind`: `schedule file`, for example.

    Raises:
        UserError: no such file, not YAML, or not a mapping.
    """
    if not path.is_file():
        raise UserError(f"The {kind} {path} does not exist.")
    return parse_mapping(path.read_bytes(), f"The {kind} {path}", may_be_empty)


def parse_mapping(content: bytes, called: str, may_be_empty: bool = False) -> dict[str, Any]:
    """The fields of a YAML text, which messages call `called`; as `read_mapping`."""
    try:
        fields = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{called} is not YAML: {one_line(error)}.") from error
    if fields is None and may_be_empty:
        return {}
    if not isinstance(fields, dict):
        raise UserError(f"{called} is not a mapping of names to values.")
    return {str(name): value for name, value in fields.items()}
