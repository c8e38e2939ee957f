"""Names that people, records and packages give, where they become the names of files."""

import re
import unicodedata
from collections.abc import Callable
from hashlib import sha256

from bench.errors import UserError, cut

YAML = (".yaml", ".yml")
"""What ends in one of these is a file that describes something, and not the name of a known one."""

LONGEST = 100
"""Bytes of a name, so that a file named after two of them has room for an ending and a temporary prefix."""

# What has a meaning to some file system or shell.
_SPECIAL = frozenset('/\\:*?"<>|')
# Categories of Unicode without a shape: control, format, surrogate, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Windows opens a device by these, whatever the ending.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)


def file_name(name: str, field: str, longest: int = LONGEST) -> str:
    """The name, where it can be that of a file in any folder and on any system.

    Every name of a data set, split, class, run, method or table passes here before it enters a path.

    Args:
        name: as it was given.
        field: where it was given, as messages name it.
        longest: the bytes that it may have.

    Raises:
        UserError: it would lead out of its folder, or not be a file name somewhere.
    """
    reason = next((said for said, is_so in _FAULTS if is_so(name)), "")
    if not reason and len(name.encode()) > longest:
        reason = f"has {len(name.encode())} bytes where {longest} are allowed"
    if reason:
        raise UserError(f"The {field} {cut(repr(name))} cannot name a file: it {reason}; give another name.")
    return name


def named_after(text: str, longest: int = LONGEST) -> str:
    """The part of a file name that tells what a text says: `resnet,pool=max` for `resnet/pool=max`.

    Where that is long, or the text holds what no file should be named after, a part of it with a hash.
    """
    name = re.sub(r"[^\w.=,+-]", "_", text.replace("/", ","), flags=re.ASCII)
    if len(name) > longest or not re.fullmatch(r"[\w./=+-]+", text, re.ASCII):
        name = f"{name[:longest]}-{sha256(text.encode(errors='backslashreplace')).hexdigest()[:12]}"
    return name


_FAULTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("is empty", lambda name: not name),
    ("holds a character without a shape", lambda name: any(unicodedata.category(c) in _UNSEEN for c in name)),
    (f"holds one of {' '.join(sorted(_SPECIAL))}", lambda name: bool(_SPECIAL & set(name))),
    ("begins with a dot, a dash, a tilde or a blank", lambda name: name[0] in ".-~" or name[0].isspace()),
    ("ends with a dot or a blank", lambda name: name[-1] == "." or name[-1].isspace()),
    ("is the name of a device on Windows", lambda name: name.partition(".")[0].strip().lower() in _DEVICES),
)
