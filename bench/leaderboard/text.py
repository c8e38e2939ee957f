"""The ranking as Markdown."""

from html import escape

from bench.leaderboard.model import Page, PageCell, PageTable
from bench.leaderboard.ranking import RULE, UNRANKED
from bench.tables import grid
from bench.tables.render import markdown_grid

_INTRODUCTION = (
    "Each column holds runs that were made under the same conditions, which stand below, with the rank in "
    f"brackets. {RULE}"
)


def markdown(page: Page) -> str:
    """The overall ranking, then of each data set its conditions, its comparison and its costs."""
    parts = ["# Leaderboard", _INTRODUCTION, _table(page.ranking) if page.columns else UNRANKED]
    for section in page.sections:
        parts.append(f"## {_plain(section.title)}")
        parts.append("\n".join(f"- {_plain(line)}" for line in section.conditions))
        parts += [_table(section.comparison), f"- {_plain(section.device)}", _table(section.cost)]
    if page.tuned:
        parts += [f"## {page.tuned.caption}", _table(page.tuned)]
    for tune in page.tunes:
        parts.append(f"## Tune {_plain(tune.title)}")
        parts.append("\n".join(f"- {_plain(line)}" for line in tune.facts))
        parts += [f"[{tune.report.text}]({tune.report.address})"] if tune.report else []
        parts += (
            [f"{tune.mattered.caption}. {tune.explained}", _table(tune.mattered)] if tune.mattered else []
        )
    parts += [f"*{_plain(note)}*" for note in page.notes]
    return "\n\n".join(parts) + "\n"


def _table(table: PageTable) -> str:
    """A table with the ranks in brackets."""
    head = (table.corner, *(head.title for head in table.heads))
    rows = tuple((grid.Entry(_plain(row.name)), *map(_cell, row.cells)) for row in table.rows)
    return markdown_grid(grid.Grid(tuple(map(_plain, head)), ("",) * len(head), 1, (("", rows),)))


def _cell(cell: PageCell) -> grid.Entry:
    parts = (cell.text, cell.interval, f"({cell.note})" if cell.note else "")
    return grid.Entry(_plain(" ".join(part for part in parts if part)), cell.best)


def _plain(text: str) -> str:
    """Text that Markdown does not take for HTML."""
    return escape(text, quote=False)
