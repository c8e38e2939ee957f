"""`bench methods`: what can be trained."""

from typing import Any

import click

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.methods.catalog import METHOD_CATALOGUE, PRIOR, Method


@click.command("methods")
@click.argument("name", required=False)
@AS_JSON
def command(name: str | None, as_json: bool) -> None:
    """List the methods; with a NAME, its options and what they mean.

    Options go behind a slash, as in resnet/pool=max. Every table also has a row for the prior. Methods of
    installed packages stand behind the built-in ones; `bench new method` begins one of your own.
    """
    if name is not None:
        _show(PRIOR if name == PRIOR.name else METHOD_CATALOGUE.get(name), as_json)
        return
    methods = (*METHOD_CATALOGUE.all().values(), PRIOR)
    if as_json:
        print_json([_facts(method) for method in methods])
        return
    print_rows([{"Method": m.name, "Title": m.title, "What it is": m.summary} for m in methods])
    click.echo("`bench methods NAME` lists the options of one, and where it was published.")


def _show(method: Method, as_json: bool) -> None:
    facts = _facts(method)
    if as_json:
        print_json(facts)
        return
    click.echo(f"{method.name}: {method.title}: {method.summary}\n{method.citation}")
    print_rows(
        [
            {"Option": f"/{option['name']}", "Default": option["default"], "Meaning": option["meaning"]}
            for option in facts["options"]
        ]
    )


def _facts(method: Method) -> dict[str, Any]:
    options = [
        {"name": name, "default": field.default, "meaning": field.description}
        for name, field in method.options.model_fields.items()
    ]
    return {
        "name": method.name,
        "title": method.title,
        "summary": method.summary,
        "citation": method.citation,
        "options": options,
    }
