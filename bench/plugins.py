"""A catalogue of what is built in and what other installed packages bring, by name.

A package brings one by an entry point: in its group `bench.methods`, `my-head = "my_head:METHOD"` names a
`Method`, and an entry point of the group `bench.datasets` names a `DataSetInfo`. The entry point, the object
and what the user types have one name. Looking for entry points imports no package; a package is imported when
its method or data set is asked for, or all are listed.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

import click

from bench.errors import UserError, cut, one_line
from bench.names import file_name
from bench.resolve import unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

# As a record's folder and an option of the command line can hold it.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, eq=False)
class Catalogue(Generic[T]):
    """All of one kind, by name. What cannot be used is said on stderr, once, and stops nothing else.

    Attributes:
        noun: what one is called in messages.
        group: the group of the entry points.
        kind: what they name.
        built_in: those of the harness, which no package can replace.
        reserved: other names that no package can take.
        objection: why one from outside cannot be used, or nothing; given only those of the right kind.
    """

    noun: str
    group: str
    kind: type[T]
    built_in: Mapping[str, T]
    reserved: frozenset[str]
    objection: Callable[[T], str]

    def names(self) -> list[str]:
        """The built-in ones in their order, then the others in alphabetical order; imports none of them."""
        return [*self.built_in, *self._installed()]

    def get(self, name: str) -> T:
        """The one that a user asks for.

        Raises:
            UserError: there is none of that name, or its package cannot be used.
        """
        if name not in self.names():
            raise unknown_name(self.noun, name, self.names())
        if name in self.built_in:
            return self.built_in[name]
        found: T | Refused = _load(self, self._installed()[name])
        if isinstance(found, Refused):
            raise UserError(found.reason)
        return found

    def find(self, name: str) -> T | None:
        """The one that a record names; None where its package is not here or cannot be used."""
        if name in self.built_in:
            return self.built_in[name]
        entries = self._installed().get(name)
        found = _load(self, entries) if entries else None
        return _without_refused(found)

    def all(self) -> dict[str, T]:
        """All that can be used, in the order of `names`."""
        loaded = {name: _without_refused(_load(self, found)) for name, found in self._installed().items()}
        return {**self.built_in, **{name: one for name, one in loaded.items() if one is not None}}

    def _installed(self) -> "dict[str, tuple[EntryPoint, ...]]":
        """The entry points by name: more than one where packages contradict each other."""
        found = _entry_points(self.group, tuple(sys.path))
        for name in found.keys() & {*self.built_in, *self.reserved}:
            _warn(
                f"The {self.noun} '{name}' of {_packages(found[name])} is left out, because the harness has "
                "that name itself; give it another one."
            )
        return {name: found[name] for name in sorted(found) if name not in {*self.built_in, *self.reserved}}


@dataclass(frozen=True)
class Refused:
    """What cannot be used, and why: one sentence."""

    reason: str


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> "dict[str, tuple[EntryPoint, ...]]":
    """Once for each search path, because every installed package is looked at."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in _of_group(group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def _of_group(group: str) -> "list[EntryPoint]":
    """The entry points of a group; a package whose own files are damaged does not hide those of others."""
    from importlib.metadata import distributions, entry_points

    try:
        return list(entry_points(group=group))
    except Exception:  # whatever comes of what is no text, or no list of entry points
        found: list[EntryPoint] = []
        for package in distributions():
            try:
                found += package.entry_points.select(group=group)
            except Exception as error:
                where = getattr(package, "_path", "a package")
                _warn(f"What {where} holds cannot be read ({cut(one_line(error))}); install it anew.")
        return found


@cache
def _load(catalogue: Catalogue[T], entries: "tuple[EntryPoint, ...]") -> T | Refused:
    """What an entry point names, imported once."""
    name, where = entries[0].name, _packages(entries)
    asked = f"The {catalogue.noun} '{name}' of {where} cannot be used"
    if len(entries) > 1:
        return Refused(f"{asked}: the name stands for several; uninstall all but one of the packages.")
    try:
        loaded = entries[0].load()
    except Exception as error:  # whatever the package's own code raises
        said = f"{type(error).__name__}: {one_line(error)}"
        return Refused(f"{asked}: {entries[0].value}: {said}; mend or uninstall it.")
    reason = _objection(catalogue, name, loaded)
    return Refused(f"{asked}: {entries[0].value}: {reason}; mend or uninstall it.") if reason else loaded


def _objection(catalogue: Catalogue[T], name: str, loaded: object) -> str:
    if not isinstance(loaded, catalogue.kind):
        return f"this is no {catalogue.kind.__name__}"
    if not NAME.fullmatch(name):
        return "the name may have small letters, digits, '.', '_' and '-' only"
    try:
        file_name(name, "name")
    except UserError as error:
        return str(error).rstrip(".")
    its_own = getattr(loaded, "name", None)
    return f"its own name is '{its_own}'" if its_own != name else catalogue.objection(loaded)


def _without_refused(found: T | Refused | None) -> T | None:
    if isinstance(found, Refused):
        _warn(found.reason)
        return None
    return found


def _packages(entries: "tuple[EntryPoint, ...]") -> str:
    return " and ".join(sorted(map(_package, entries)))


def _package(entry: "EntryPoint") -> str:
    """The name of its package, or of its module where the package is damaged and does not say."""
    try:
        return str((entry.dist and entry.dist.name) or entry.module)
    except (ValueError, AttributeError):
        return entry.value


@cache
def _warn(sentence: str) -> None:
    click.echo(f"Warning: {sentence}", err=True)
