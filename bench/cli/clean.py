"""`bench clean`: what the work folder holds, and how it is removed."""

from collections.abc import Sequence
from pathlib import Path

import click

from bench.cli.listing import print_rows
from bench.cli.work_files import CACHES, KINDS, Held, everything, held, links, remove
from bench.datasets.fetch.disk import readable
from bench.resolve import unknown_name
from bench.settings import work_folder

NAMED = 3
"""Paths that are named of each kind."""


@click.command("clean")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(kinds: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Show what the work folder holds, or remove what is asked for of it.

    The work folder is .bench in the current folder, or BENCH_WORK. Without a KIND everything in it is listed,
    by kind; `caches` stands for the kinds that are made again when they are needed. Links are not followed,
    and no record under `results` is touched.
    """
    for name in kinds:
        if name not in (*KINDS, CACHES):
            raise unknown_name("kind of files in the work folder", name, (*KINDS, CACHES))
    folder = work_folder().absolute()
    if not folder.is_dir():
        click.echo(f"There is no folder {folder}: there is nothing to remove.")
        return
    found = held(folder)
    if not kinds:
        _show(folder, found)
        return
    asked = [one for one in found if one.kind.name in kinds or (one.kind.cache and CACHES in kinds)]
    some = [one for one in asked if one.paths]
    if not some:
        click.echo(f"{folder} holds none of it: there is nothing to remove.")
        return
    for one in some:
        click.echo(f"{one.kind.name}: {_amount(one.files, one.size)}: {_named(one.paths, folder)}")
    if dry_run:
        click.echo(f"Nothing was removed from {folder}: without --dry-run this would be.")
        return
    if not yes:
        click.confirm(f"Remove this from {folder}?", abort=True)
    for one in some:
        remove(one, folder)
    total = _amount(sum(one.files for one in some), sum(one.size for one in some))
    click.echo(f"Removed from {folder}: {total}.")


def _show(folder: Path, found: Sequence[Held]) -> None:
    files, size = everything(folder)
    others = files - sum(one.files for one in found), size - sum(one.size for one in found)
    rows = [
        (one.kind.name, one.files, one.size, one.kind.summary + (f" ({CACHES})" if one.kind.cache else ""))
        for one in found
    ]
    rows.append(("", *others, "others, which are left alone"))
    print_rows(
        [
            {"Kind": name, "Files": count, "Size": readable(of_kind), "What it is": summary}
            for name, count, of_kind, summary in rows
        ],
        str(folder),
    )
    for link in links(folder):
        click.echo(f"{link} is a link: what it leads to is not counted, and stays.")
    click.echo(f"`bench clean {CACHES}`, or the names of some kinds, removes them.")


def _amount(files: int, size: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}, {readable(size)}"


def _named(paths: Sequence[Path], folder: Path) -> str:
    more = [f"and {len(paths) - NAMED} more"] if len(paths) > NAMED else []
    return ", ".join([*(str(path.relative_to(folder)) for path in paths[:NAMED]), *more])
