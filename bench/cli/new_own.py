"""`bench new dataset --from`: describe a data set of one's own by what lies in its folder."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import yaml
from rich.console import Console

from bench.cli.display import open_display
from bench.datasets.listing import Problem
from bench.datasets.locate import locate
from bench.datasets.odd.labels import odd_labels
from bench.datasets.open import prepare_both
from bench.datasets.own import described
from bench.datasets.prepare import with_classes
from bench.datasets.recognise.recognise import name_for, recognise
from bench.errors import UserError, cut
from bench.files import parse_mapping, write_text
from bench.names import file_name

NAMED = 5
"""Classes that are named of the beginning and of the end, where they are too many."""
SHORT = 400
"""Characters of a list of classes that is shown whole."""


def write_description(source: Path, name: str | None, out: Path) -> None:
    """Write `out/NAME.yaml`, and say what was understood. Nothing is written that cannot be read.

    Args:
        source: the folder of the data set, or its file.
        name: of the data set; after its folder if None.
        out: where to.

    Raises:
        UserError: it is none that is recognised, something of it cannot be told or read, or the file exists.
    """
    recognised = recognise(source)
    name = file_name(name, "NAME") if name is not None else name_for(recognised.root)
    file = out / f"{name}.yaml"
    if os.path.lexists(file):
        raise UserError(f"{file} exists already, and is left as it is; give another NAME or --out.")
    fields = recognised.fields(name, out)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    info = described(parse_mapping(text.encode(), f"The data set file {file}"), file)
    with open_display(Console(stderr=True)) as display:
        progress = display.task(f"reading {source}")
        folder = locate(info, None, progress)
        info = with_classes(info, folder)
        splits = prepare_both(info, folder, progress)
    if not info.classes:
        raise _no_classes(source, [problem for found in splits for problem in found.problems])
    write_text(file, text)
    click.echo(f"{file}: {recognised.found.seen}")
    counts = (f"{len(found.index)} in {found.file.stem}" for found in splits)
    click.echo(f"{len(info.classes)} classes ({_shown(info.classes)}); images: {', '.join(counts)}")
    read = dict.fromkeys(note for found in splits for note in found.notes)
    for sentence in (*odd_labels(info.classes), *read):
        click.echo(f"note: {sentence}")
    for line in (f"bench data check {shlex.quote(str(file))}", f"bench run --data {shlex.quote(str(file))}"):
        click.echo(f"    {line}")


def _no_classes(source: Path, problems: Sequence[Problem]) -> UserError:
    """The error for a data set of which nothing can be used: no label is read of images with a problem."""
    why = f": {len(problems)} files cannot be used, such as {problems[0]}" if problems else ""
    return UserError(f"Nothing in {source} has a label that can be read{why}; mend it, or name other data.")


def _shown(classes: Sequence[str]) -> str:
    """All classes, or the first and the last: what is no class often stands at the end of a table."""
    whole = ", ".join(classes)
    if len(whole) <= SHORT or len(classes) <= 2 * NAMED:
        return cut(whole, SHORT)
    parts = (", ".join(cut(name, 40) for name in part) for part in (classes[:NAMED], classes[-NAMED:]))
    return ", ..., ".join(parts)
