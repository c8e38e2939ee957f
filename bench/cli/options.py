"""Options that many commands share."""

import shlex
from pathlib import Path

import click
from click.core import ParameterSource

RESULTS = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
"""The folder of the records."""

RESAMPLES = click.option(
    "--resamples",
    type=click.IntRange(100),
    help="Bootstrap resamples.  [default: 10000, or 1000 of more than 200000 test labels]",
)
"""Of the test images, where two methods are compared."""


def given_options(context: click.Context) -> dict[str, click.Option]:
    """The options that stand on the command line, by the names of their parameters; `--debug` is none."""
    return {
        option.name: option
        for option in context.command.params
        if isinstance(option, click.Option)
        and option.name in context.params
        and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    }


def options_again(context: click.Context) -> str:
    """The options that stand on the command line, as a shell takes them, for a command to be pasted."""
    words: list[str] = []
    for name, option in given_options(context).items():
        value = context.params[name]
        if option.is_flag:
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            words += [option.opts[0], str(value)]
    return shlex.join(words)
