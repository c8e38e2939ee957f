"""The command line. Each command is a module of its own, imported when it is called.

Help must come at once, so nothing here imports more than click.
"""

from importlib import import_module
from typing import Any

import click

from bench.errors import UserError
from bench.version import __version__

COMMANDS = {
    "run": "Train and evaluate a matrix of methods, data sets and seeds.",
    "tables": "Write the comparison tables from the stored records.",
    "compare": "Compare two methods on the same test images: differences, intervals, p-values.",
    "plot": "Draw pictures of the stored runs.",
    "leaderboard": "Write the ranking of all methods as Markdown and as a page.",
    "ls": "List the stored runs.",
    "show": "Show one stored run.",
    "import-checkpoint": "Turn a published checkpoint into a model here.",
    "evaluate": "Score a stored model on a data set.",
    "submission": "Write the scores of a run as an evaluation server takes them.",
    "data": "Download, prepare, check and describe data sets.",
    "labels": "Show the label graph and the label vectors that the methods are given.",
    "profile": "Measure speed on this machine.",
    "methods": "List the methods, each with a citation.",
    "datasets": "List the data sets, each with a citation.",
    "schedules": "List the schedules, each with every field and its meaning.",
    "new": "Begin a method or data set of your own: a small project with tests.",
}


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Accept `--debug` before and behind the name of the command."""
    if value:
        ctx.find_root().params["debug"] = True


DEBUG = click.Option(
    ["--debug"],
    is_flag=True,
    expose_value=False,
    callback=_debug,
    help="Show the traceback of a mistake too.",
)


class Mistake(click.ClickException):
    """A user's mistake: printed as `Error: ...`, exit status 2."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of a person's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"bench.cli.{cmd_name.replace('-', '_')}").command
        if DEBUG not in command.params:
            command.params.append(DEBUG)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from bench.resolve import unknown_name

            raise click.UsageError(str(unknown_name("command", args[0], COMMANDS)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Print a user's mistake as one sentence; `--debug` shows where it was found."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            if ctx.params.get("debug"):
                raise
            raise Mistake(str(error)) from error
        except OSError as error:
            # A folder that cannot be written, a full disk; a closed pipe has no file name and is click's.
            if ctx.params.get("debug") or error.filename is None:
                raise
            raise Mistake(f"{error.filename}: {error.strerror}.") from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of a mistake too.")
def main(debug: bool) -> None:
    """Multi-label image recognition with label graphs, compared under identical conditions."""
