"""The methods that a user asks for, with their options: `resnet/pool=max`."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import UserError, cut
from bench.files import parse_yaml
from bench.methods.catalog import GROUPS, METHOD_CATALOGUE, PRIOR, Method
from bench.methods.options import Options
from bench.resolve import unknown_name
from bench.validation import one_sentence


class MethodChoice(BaseModel):
    """A method with its options, all of them, defaults included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any] = {}

    def label(self) -> str:
        """The method with the options that differ from the published ones: `resnet/pool=max`.

        With all of them where a record names a method of a package that is not installed here.
        """
        method = find_method(self.name)
        default = method.options().model_dump() if method else {}
        changed = [f"/{key}={value}" for key, value in self.options.items() if default.get(key) != value]
        return self.name + "".join(changed)


def spelled_out(label: str) -> str:
    """A label with the options that a printed row says at their defaults too: `tdrg/attention=positions`."""
    options = method_named(label.partition("/")[0]).options
    default = options().model_dump()
    return label + "".join(f"/{key}={default[key]}" for key in options.said if f"/{key}=" not in label)


def method_named(name: str) -> Method:
    """The method of that name, built in or installed, or the prior.

    Raises:
        UserError: there is none, or its package cannot be used.
    """
    return PRIOR if name == PRIOR.name else METHOD_CATALOGUE.get(name)


def find_method(name: str) -> Method | None:
    """As `method_named`, for what a record names: None where it is not here."""
    return PRIOR if name == PRIOR.name else METHOD_CATALOGUE.find(name)


def options_of(choice: MethodChoice) -> Options:
    """The typed options of a choice."""
    return method_named(choice.name).options(**choice.options)


def parse_methods(texts: tuple[str, ...]) -> list[MethodChoice]:
    """Resolve groups of methods (`all`, `seeds`), names, and names with options (`resnet/pool=max`).

    `all` are the built-in methods and `resnet/pool=max`; those of installed packages are asked for by name.

    Raises:
        UserError: an unknown method or option, or an option value out of range.
    """
    choices: list[MethodChoice] = []
    for text in texts:
        choices += [_parse_method(name) for name in GROUPS.get(text, (text,))]
    return list({choice.label(): choice for choice in choices}.values())


def label_of(text: str, stored: Collection[str] = ()) -> str:
    """A method as the label of its runs has it, parsed as `bench run` does: `4` is `4.0` where that is meant.

    Args:
        text: a name, with options or without.
        stored: the labels of runs; one of them is taken as it stands, also where its package is gone.

    Raises:
        UserError: as `parse_methods`.
    """
    return text if text == PRIOR.name or text in stored else _parse_method(text).label()


def _parse_method(text: str) -> MethodChoice:
    name, *settings = text.split("/")
    near = get_close_matches(name, GROUPS, n=1, cutoff=0.7)
    if near and find_method(name) is None:
        raise UserError(f"Unknown method '{name}'. Did you mean the group '{near[0]}'?")
    method = METHOD_CATALOGUE.get(name)
    options = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"Method '{text}': write its options as {name}/key=value, not '{setting}'.")
        if key not in method.options.model_fields:
            raise unknown_name(f"option of {name}", key, method.options.model_fields)
        if key in options:
            raise UserError(f"Method '{cut(text)}': {key} is given twice; leave one out.")
        try:
            options[key] = parse_yaml(value)
        except ValueError:
            raise UserError(f"Method '{cut(text)}': '{cut(value)}' is no value for {key}.") from None
    try:
        return MethodChoice(name=name, options=method.options(**options).model_dump())
    except ValidationError as error:
        raise UserError(f"Method '{text}': {one_sentence(error, method.options.model_fields)}") from error
