"""`bench cancel`: stop a submitted matrix, or one of its runs."""

import click

from bench.errors import UserError
from bench.launch.job import Submitted, list_jobs
from bench.launch.launchers import launcher_named
from bench.resolve import named_like
from bench.settings import work_folder


@click.command("cancel")
@click.argument("names", nargs=-1, required=True, metavar="JOB|RUN...")
def command(names: tuple[str, ...]) -> None:
    """Stop whole jobs, or some runs of theirs, each at the end of its step.

    A name is that of a job or of a run, or its beginning or end. What is stopped has no record, and goes on
    from its last epoch when the same matrix is run again.
    """
    jobs = list_jobs()
    for name in names:
        submitted, runs = _found(jobs, name)
        for line in launcher_named(submitted.job.launcher).cancel(submitted, runs):
            click.echo(f"{line}.")


def _found(jobs: list[Submitted], name: str) -> tuple[Submitted, list[str]]:
    """The job of that name, or the newest with a run of that name; with the run."""
    names = named_like(name, [one.job.name for one in jobs])
    named = [one for one in jobs if one.job.name in names]
    if len(named) == 1:
        return named[0], []
    having = [(one, run) for one in reversed(jobs) for run in named_like(name, one.job.cells)]
    if named or len({run for _, run in having}) != 1:
        found = len(named) + len({run for _, run in having})
        raise UserError(
            f"{found or 'No'} jobs and runs in {work_folder() / 'jobs'} begin or end with '{name}'; "
            "`bench status` lists the names."
        )
    submitted, run = having[0]
    return submitted, [run]
