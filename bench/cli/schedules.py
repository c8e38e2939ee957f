"""`bench schedules`: how a matrix is trained."""

from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.experiment.schedule import Schedule, load_schedule, schedule_names


@click.command("schedules")
@click.argument("name", required=False)
@AS_JSON
def command(name: str | None, as_json: bool) -> None:
    """List the schedules; with a NAME, or a YAML file, every field with its value and meaning.

    `bench run --set FIELD=VALUE` sets any field for a matrix.
    """
    if name is not None:
        _show(name, load_schedule(name, {}), as_json)
        return
    schedules = [(known, load_schedule(known, {})) for known in schedule_names()]
    if as_json:
        print_json([{"name": known, **schedule.model_dump(mode="json")} for known, schedule in schedules])
        return
    print_rows([{"Schedule": known, "What it is for": schedule.about} for known, schedule in schedules])
    click.echo("`bench schedules NAME` lists every field of one.")


def _show(name: str, schedule: Schedule, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, **schedule.model_dump(mode="json")})
        return
    click.echo(f"{name}: {schedule.about}")
    rows = [
        {"Field": field, "Value": _text(getattr(schedule, field)), "Meaning": _meaning(info)}
        for field, info in Schedule.model_fields.items()
        if field != "about"
    ]
    print_rows(rows)
    click.echo("`bench run --set FIELD=VALUE` sets a field; --set FIELD= leaves it empty.")


def _meaning(field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return f"{field.description} ({', '.join(choices)})" if choices else field.description or ""


def _text(value: Any) -> str:
    """A value as `--set` takes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value)
