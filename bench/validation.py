"""Turn a validation report into the one sentence that a user can act on."""

import difflib
from collections.abc import Iterable

from pydantic import ValidationError


def one_sentence(error: ValidationError, fields: Iterable[str]) -> str:
    """Every finding of `error`, each naming its field; a misspelt field gets the nearest known one."""
    return "; ".join(_finding(dict(found), list(fields)) for found in error.errors()) + "."


def _finding(found: dict[str, object], fields: list[str]) -> str:
    where = ".".join(str(part) for part in found["loc"])  # type: ignore[attr-defined]
    if found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, fields, n=1)
        hint = f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(fields))}"
        return f"'{where}' is not a known key{hint}"
    if found["type"] == "missing":
        return f"'{where}' is missing"
    message = str(found["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    return f"'{where}' is {found['input']!r}: {message[0].lower()}{message[1:]}"
