"""The command line. Each command is a module of its own, imported when it is called.

Help must come at once, so nothing here imports more than click.
"""

import errno
import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bench.errors import UserError, cut
from bench.stop import Stopped
from bench.version import __version__

COMMANDS = {
    "run": "Train and evaluate a matrix of methods, data sets and seeds.",
    "status": "Show where every run is that was submitted or is at work.",
    "logs": "Print what a run of a submitted matrix printed.",
    "cancel": "Stop a submitted matrix, or one of its runs.",
    "tune": "Tune every method with the same budget on a validation split, then train what was chosen.",
    "tables": "Write the comparison tables from the stored records.",
    "compare": "Compare two methods on the same test images: differences, intervals, p-values.",
    "explain": "Show where two methods differ: images, labels, kinds of errors, as a table and a page.",
    "plot": "Draw pictures of the stored runs.",
    "visualize": "Draw what trained models look at and know: maps, label graphs, scenes, classifiers.",
    "leaderboard": "Write the ranking of all methods as Markdown and as a page.",
    "ls": "List the stored runs.",
    "show": "Show one stored run.",
    "verify": "Compute a record's metrics again from its scores, or train it again.",
    "import-checkpoint": "Turn a published checkpoint into a model here.",
    "predict": "Print the labels of your own pictures.",
    "evaluate": "Score a stored model on a data set.",
    "thresholds": "Fit thresholds and a temperature for a run on validation scores.",
    "export": "Write a model as a graph that runs without this project: ONNX, or torch.export.",
    "push": "Upload a model with its model card to a hub.",
    "submission": "Write the scores of a run as an evaluation server takes them.",
    "data": "Download, prepare, check and describe data sets.",
    "labels": "Show the label graph and the label vectors that the methods are given.",
    "profile": "Measure speed on this machine.",
    "methods": "List the methods, each with a citation.",
    "datasets": "List the data sets, each with a citation.",
    "schedules": "List the schedules, each with every field and its meaning.",
    "clean": "Show what the work folder holds, and remove what is asked for.",
    "new": "Begin a method or data set of your own: a small project with tests, or a file.",
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


# Permissions, a disk that is read only, a full one.
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})


class Mistake(click.ClickException):
    """A user's mistake: printed as `Error: ...`, exit status 2."""

    exit_code = 2


class Interrupted(BaseException):
    """Ctrl-C, or another signal to end, on its way past click, which would make an ordinary failure of it."""

    def __init__(self, then: str = "", number: signal.Signals = signal.SIGINT) -> None:
        super().__init__(then)
        self.number = number
        self.said = "Interrupted" if number == signal.SIGINT else f"Stopped by {number.name}"


LONGEST = 10_000
"""Characters of a message, whatever it quotes."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; ends by the signal itself on Ctrl-C, which a shell's loop then sees."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is printed as a question mark
                stream.reconfigure(errors="replace")
        try:
            return super().main(*args, **kwargs)
        except Interrupted as interrupted:
            click.echo(f"\n{interrupted.said}{interrupted}.", err=True)
            _die_of_the_signal(interrupted.number)
            raise SystemExit(128 + interrupted.number) from None
        except OSError as error:
            if error.filename is not None or not _output_fails():
                raise
            with suppress(OSError):
                click.echo(f"Error: what is printed cannot be written: {error.strerror}.", err=True)
            raise SystemExit(Mistake.exit_code) from None

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
            raise Mistake(cut(str(_better_known(error)), LONGEST)) from error
        except KeyboardInterrupt as interrupt:
            raise Interrupted(*interrupt.args) from None
        except Stopped as stopped:
            raise Interrupted(str(stopped), stopped.signal) from None
        except OSError as error:
            # A folder that cannot be written, a full disk; a closed pipe has no file name and is click's.
            if ctx.params.get("debug") or error.filename is None:
                raise
            raise Mistake(f"{error.filename}: {error.strerror}{_what_to_do(error)}.") from error


def _better_known(error: UserError) -> UserError:
    """What to say of a name that no data set has, where something here tells what it stands for."""
    from bench.resolve import UnknownNameError

    if not (isinstance(error, UnknownNameError) and error.kind == "data set"):
        return error
    from bench.records.own_data import no_data_set

    return no_data_set(error.name) or error


def _what_to_do(error: OSError) -> str:
    """Where the work folder can be put instead, if that is what cannot be written."""
    from bench.settings import work_folder

    place, folder = Path(os.fsdecode(error.filename)).absolute(), work_folder().absolute()
    if error.errno not in _NOT_WRITABLE or not (place.is_relative_to(folder) or folder.is_relative_to(place)):
        return ""
    return "; checkpoints and caches go there: set BENCH_WORK to a folder that can be written"


def _output_fails() -> bool:
    """Whether standard output takes no more, as on a full disk; what is left for it is let go of then."""
    try:
        click.echo()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _die_of_the_signal(number: signal.Signals) -> None:
    """End as a process does that does not catch Ctrl-C: a shell looks at that, not at an exit status."""
    from bench.processes import end_processes

    end_processes()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of a mistake too.")
def main(debug: bool) -> None:
    """Multi-label image recognition with label graphs, compared under identical conditions."""
