"""Turn a validation report into the one sentence that a user can act on."""

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError


def one_sentence(error: ValidationError, fields: Iterable[str]) -> str:
    """Every finding of `error`, each naming its field; a misspelt field gets the nearest known one."""
    found = error.errors()
    # A list whose items are wrong is found too short as well.
    whole = [one for one in found if not any(_within(other["loc"], one["loc"]) for other in found)]
    text = "; ".join(_finding(dict(one), list(fields)) for one in whole)
    return text if text.endswith("?") else text + "."


def _within(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _finding(found: dict[str, object], fields: list[str]) -> str:
    where = ".".join(str(part) for part in found["loc"])  # type: ignore[attr-defined]
    if found["type"] == "extra_forbidden":
        if "." in where:
            return f"'{where}' is not a known key"
        near = difflib.get_close_matches(where, fields, n=1)
        hint = f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(fields))}"
        return f"'{where}' is not a known key{hint}"
    if found["type"] == "missing":
        return f"'{where}' is missing"
    if found["type"] == "too_short":
        return f"'{where}' is empty"
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", str(found["ctx"]))
        near = difflib.get_close_matches(str(found["input"]), known, n=1)
        message += f", did you mean '{near[0]}'?" if near else ""
    if not where:
        return message
    return f"'{where}' is {found['input']!r}: {message[0].lower()}{message[1:]}"
