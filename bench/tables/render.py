"""Tables in four formats. Equal tables give equal bytes: no date, no locale, no width of a screen."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from importlib import resources
from itertools import accumulate
from typing import Final

import pandas as pd

from bench.tables.grid import Document, Entry, Grid, PrintedTable, Row

STAR: Final = r"\*"
_LATEX: Final = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # else it is an option of the end of the line before
    "–": "--",
    "−": "$-$",
    "—": "---",
    "’": "'",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "Δ": r"$\Delta$",
    "★": r"$\star$",
}

_STYLE: Final = """\
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem; overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .5rem; text-align: right; white-space: nowrap }
.word { text-align: left }
thead tr:last-child th { border-bottom: 1px solid }
th[scope=colgroup] { text-align: center; border-bottom: 1px solid }
th[scope=row] { font-weight: normal }
th[scope=rowgroup] { text-align: left; padding-top: .7rem }
.notes { font-size: .85rem; max-width: 60rem }
th button { all: unset; cursor: pointer }
th button:focus-visible { outline: 2px solid }
th[aria-sort=ascending] button::after { content: " ▲" }
th[aria-sort=descending] button::after { content: " ▼" }"""


def markdown(document: Document) -> str:
    """Pipe tables under headings; the lines above a table as a list, the notes in italics."""
    parts = [f"# {markdown_text(document.title)}"]
    for section in document.sections:
        parts += [f"## {markdown_text(section.heading)}"] if section.heading else []
        parts += ["\n".join(f"- {markdown_text(line)}" for line in section.lines)] if section.lines else []
        parts.append(markdown_grid(section.grid))
    parts += [f"*{markdown_text(note).replace('*', STAR)}*" for note in document.notes]
    return "\n\n".join(parts) + "\n"


def markdown_text(text: str) -> str:
    """Text on one line, in which nothing is taken for HTML."""
    return re.sub(r"&(?=#?\w+;)", "&amp;", " ".join(text.splitlines())).replace("<", "&lt;")


def markdown_grid(grid: Grid) -> str:
    """One pipe table, its columns aligned; a heading over several columns is put before each."""
    head = [f"{span} {title}".strip() for span, title in zip(grid.spans, grid.head, strict=True)]
    lines = [head]
    for name, rows in grid.groups:
        if name:
            lines.append([f"**{name}**", *[""] * (len(head) - 1)])
        lines += [[f"**{cell.text}**" if cell.best else cell.text for cell in row] for row in rows]
    lines = [[markdown_text(text).replace("|", "\\|") for text in line] for line in lines]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]

    def line_of(texts: list[str]) -> str:
        padded = (
            text.ljust(width) if column < grid.left else text.rjust(width)
            for column, (text, width) in enumerate(zip(texts, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rules = [
        f":{'-' * (width + 1)}" if column < grid.left else f"{'-' * (width + 1)}:"
        for column, width in enumerate(widths)
    ]
    return "\n".join([line_of(lines[0]), f"|{'|'.join(rules)}|", *map(line_of, lines[1:])])


def latex(document: Document) -> str:
    """Tables for a paper that uses the package booktabs."""
    parts = []
    for number, section in enumerate(document.sections):
        caption = document.title + (f": {section.heading}" if section.heading else "")
        label = document.name + (f"-{number + 1}" if number else "")
        last = number == len(document.sections) - 1
        notes = (*section.lines, *(document.notes if last else ()))
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    rf"\caption{{{latex_text(caption)}}}",
                    rf"\label{{tab:{label}}}",
                    *_tabular(section.grid),
                    *([r"\par\smallskip\footnotesize"] if notes else []),
                    *(rf"{latex_text(note)}\par" for note in notes),
                    r"\end{table}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _tabular(grid: Grid) -> list[str]:
    columns = "l" * grid.left + "r" * (len(grid.head) - grid.left)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    if any(grid.spans):
        spans = grid.span_widths()
        ends = list(accumulate(width for _, width in spans))
        lines.append(
            _latex_row(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(span)}}}" for span, width in spans)
        )
        lines.append(
            " ".join(
                rf"\cmidrule(lr){{{end - width + 1}-{end}}}"
                for (span, width), end in zip(spans, ends, strict=True)
                if span
            )
        )
    lines.append(_latex_row(map(latex_text, grid.head)))
    for name, rows in grid.groups:
        lines.append(r"\midrule")
        if name:
            lines.append(
                _latex_row([rf"\multicolumn{{{len(grid.head)}}}{{l}}{{\emph{{{latex_text(name)}}}}}"])
            )
        lines += [_latex_row(map(_latex_cell, row)) for row in rows]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _latex_row(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"


def _latex_cell(cell: Entry) -> str:
    return rf"\textbf{{{latex_text(cell.text)}}}" if cell.best else latex_text(cell.text)


def latex_text(text: str) -> str:
    """Text with the characters that mean something to LaTeX, or that its fonts lack, written out."""
    return "".join(_LATEX.get(character, character) for character in text)


@cache
def sorting() -> str:
    """The script that sorts the tables of a page by a click on a heading."""
    return (resources.files("bench.tables") / "templates" / "sort.js").read_text(encoding="utf-8")


def html(document: Document) -> str:
    """A page of its own, which loads nothing."""
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(document.title)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(document.title)}</h1>",
    ]
    for section in document.sections:
        parts += [f"<h2>{escape(section.heading)}</h2>"] if section.heading else []
        parts += _html_list(section.lines)
        parts += _html_table(section.grid)
    parts += [*_html_list(document.notes), f"<script>\n{sorting()}</script>"]
    return "\n".join([*parts, "</body>", "</html>"]) + "\n"


def _html_list(lines: tuple[str, ...]) -> list[str]:
    if not lines:
        return []
    return ['<ul class="notes">', *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"]


def _html_table(grid: Grid) -> list[str]:
    lines = ["<table>", "<thead>"]
    if any(grid.spans):
        cells = (
            f'<th colspan="{width}" scope="colgroup">{escape(span)}</th>' if span else "<td></td>"
            for span, width in grid.span_widths()
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    heads = (
        f'<th scope="col"{_word(column, grid)}>{escape(title)}</th>' for column, title in enumerate(grid.head)
    )
    lines += [f"<tr>{''.join(heads)}</tr>", "</thead>"]
    for name, rows in grid.groups:
        lines.append("<tbody>")
        if name:
            lines.append(f'<tr><th colspan="{len(grid.head)}" scope="rowgroup">{escape(name)}</th></tr>')
        lines += [_html_row(row, grid) for row in rows]
        lines.append("</tbody>")
    return [*lines, "</table>"]


def _html_row(row: Row, grid: Grid) -> str:
    first, *others = row
    cells = [f'<th scope="row" class="word">{escape(first.text)}</th>']
    for column, cell in enumerate(others, start=1):
        text = escape(cell.text)
        cells.append(f"<td{_word(column, grid)}>{f'<b>{text}</b>' if cell.best else text}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _word(column: int, grid: Grid) -> str:
    return ' class="word"' if column < grid.left else ""


def csv(frame: pd.DataFrame) -> str:
    """The numbers of a table to six decimals, each row with what it was made under."""
    safe = frame.map(lambda value: csv_text(value) if isinstance(value, str) else value)
    safe = safe.set_axis([csv_text(str(name)) for name in frame.columns], axis=1)
    return str(safe.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def csv_text(text: str) -> str:
    """Text on one line that a spreadsheet does not take for a formula: behind an apostrophe, if need be."""
    line = " ".join(re.split(r"[\r\n]+", text))
    return f"'{line}" if line.lstrip().startswith(("=", "+", "-", "@")) else line


FORMATS: Final[dict[str, Callable[[PrintedTable], str]]] = {
    "md": lambda table: markdown(table.document),
    "csv": lambda table: csv(table.frame),
    "tex": lambda table: latex(table.document),
    "html": lambda table: html(table.document),
}
"""How a table is written, by the ending of its file."""
