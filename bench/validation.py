"""Turn a validation report into the one sentence that a user can act on."""

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError

from bench.errors import UserError, cut
from bench.files import LARGEST

Place = tuple[int | str, ...]
Described = TypeVar("Described", bound=BaseModel)

NAMED = 10
"""Findings that a sentence names one by one."""

# What pydantic puts into a place for the kind that it tried where a field takes several, and that of a range.
_KIND = re.compile(
    r"(uniform|log-uniform|one-of|str|int|float|bool|bytes|path|date|datetime|none|json-or-python|constrained-.*)|[a-z-]+\[.*",
    re.DOTALL,
)
_SHOULD_BE = "Input should be "
_IN_WORDS = {
    "valid tuple": "list",
    "valid dictionary": "mapping of names to values",
    "Input is not a valid path for <class 'pathlib.Path'>": f"{_SHOULD_BE}a path",
}


def read_described(path: Path, kind: type[Described]) -> Described:
    """What a JSON file holds.

    Raises:
        UserError: it is damaged, or of another version.
    """
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} has more than {LARGEST} bytes: it was not written here.")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {one_sentence(error, kind.model_fields)}") from error


def one_sentence(error: ValidationError, fields: Iterable[str]) -> str:
    """Every finding of `error`, each naming its field; a misspelt field gets the nearest known one."""
    found: dict[Place, list[dict[str, object]]] = {}
    for one in error.errors():
        found.setdefault(_place(one["loc"]), []).append(dict(one))
    # A list whose items are wrong is found too short as well, or no text where it might be one.
    whole = {place: of for place, of in found.items() if not any(_within(other, place) for other in found)}
    names = list(fields)
    # A field that is misspelt is missing as well.
    ordered = sorted(whole.items(), key=lambda item: item[1][0]["type"] != "extra_forbidden")
    sentences = [_finding(place, of, names) for place, of in ordered[:NAMED]]
    more = [f"and {len(whole) - NAMED} more"] if len(whole) > NAMED else []
    text = "; ".join([*sentences, *more])
    return text if text.endswith("?") else text + "."


def _place(loc: Place) -> Place:
    """Where something was found, in the user's words."""
    return (*loc[:1], *(part for part in loc[1:] if not (isinstance(part, str) and _KIND.fullmatch(part))))


def _within(inner: Place, outer: Place) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _finding(place: Place, found: list[dict[str, object]], fields: list[str]) -> str:
    first, given, where = found[0], found[0]["input"], cut(".".join(str(part) for part in place))
    if first["type"] == "extra_forbidden":
        if len(place) > 1:
            return f"'{where}' is not a known key"
        near = difflib.get_close_matches(where, fields, n=1)
        hint = f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(fields))}"
        return f"'{where}' is not a known key{hint}"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    if first["type"] == "too_short":
        needed = cast(Mapping[str, int], first["ctx"])["min_length"]
        return f"'{where}' is " + (f"{_shown(given)}: at least {needed} are needed" if given else "empty")
    message, *others = dict.fromkeys(_said(one) for one in found)
    message = " or ".join([message, *(other.removeprefix(_SHOULD_BE) for other in others)])
    if any(one["type"] == "string_type" for one in found):
        # What YAML takes for something else.
        plain = isinstance(first["input"], bool | int | float | date)
        message += ": put yes, no and numbers in quotes" if plain else ""
    if first["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", str(first["ctx"]))
        near = difflib.get_close_matches(cut(str(first["input"])), known, n=1)
        message += f", did you mean '{near[0]}'?" if near else ""
    if not where:
        return message
    return f"'{where}' is {_shown(first['input'])}: {message[0].lower()}{message[1:]}"


def _said(found: dict[str, object]) -> str:
    """What pydantic says of one finding, in the words of YAML."""
    message = str(found["msg"]).removeprefix("Value error, ")
    for theirs, ours in _IN_WORDS.items():
        message = message.replace(theirs, ours)
    return message


def _shown(value: object) -> str:
    """A value as YAML has it, cut."""
    if isinstance(value, bool):
        return str(value).lower()
    # Of a text only what is shown is looked at: the whole may be of any length.
    if isinstance(value, date):
        return str(value)
    return cut(repr(value[:200] if isinstance(value, str) else value))
