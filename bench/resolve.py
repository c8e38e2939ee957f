"""Resolve a name that a user typed against the names that exist."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from bench.errors import UserError, cut

T = TypeVar("T")


class UnknownNameError(UserError):
    """A name that does not exist, said with the valid ones and the nearest match.

    Attributes:
        kind: of what.
        name: as it was given.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        # Of a text that no name can be, the search would take long.
        near = difflib.get_close_matches(name[:200], names, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"Unknown {kind} '{cut(name)}'.{hint} Known: {', '.join(names)}.")
        self.kind, self.name = kind, name


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that does not exist, with the valid ones and the nearest match."""
    return UnknownNameError(kind, name, known)


def resolve(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Look `name` up in `known`; raises UserError that names the valid ones and the nearest match."""
    if name not in known:
        raise unknown_name(kind, name, known)
    return known[name]


def names_in(text: str) -> list[str]:
    """The names in a list that commas separate: `a, b`."""
    return [part.strip() for part in text.split(",") if part.strip()]


def named_like(text: str, names: Iterable[str]) -> list[str]:
    """The name that is this, else those that begin or end with it; none where nothing was given."""
    known = list(names)
    if not text or text in known:
        return [text] if text else []
    return [name for name in known if name.startswith(text) or name.endswith(text)]
