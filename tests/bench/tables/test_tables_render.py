"""One table in four formats: the same cells in each, and nothing that a format would misread."""

import io
import re
from csv import reader as csv_reader
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RecordStore
from bench.tables.book import Book
from bench.tables.grid import Document, Entry, Grid, PrintedTable, Section
from bench.tables.render import FORMATS, csv, html, latex, latex_text, markdown
from bench_command import bench
from full_records import full_record
from made_records import made_cell, made_metrics, made_record, store_made

HARD = '[a_b & 5% of #1 $x$ {y} ~z^2 \\n <b> "q" | * ± ≥ →'
GRID = Grid(
    head=("Method", "mAP", "CF1", "OF1", "mAP"),
    spans=("", "All", "All", "All", "Other"),
    left=1,
    groups=(
        ("first", ((Entry(HARD), Entry("1.0"), Entry("2.0", best=True), Entry("–"), Entry("−0.5")),)),
        ("second", ((Entry("b"), Entry("4.0 ± 0.1"), Entry("–"), Entry("–"), Entry("–")),)),
    ),
)
DOCUMENT = Document("name", "Title <1>", (Section("", ("a line & more",), GRID),), ("a note: 5*3 <i>",))


class Reader(HTMLParser):
    """The cells of each table row, what they span, and every tag that stands open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.widths: list[int] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.notes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            self.widths.append(0)
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.widths[-1] += int(dict(attrs).get("colspan") or 1)
        if tag == "li":
            self.notes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "tr" in self.open:
            self.rows[-1][-1] += data
        elif "li" in self.open:
            self.notes[-1] += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_html_holds_every_cell_as_it_is() -> None:
    reader = read(html(DOCUMENT))
    assert reader.open == [] and set(reader.widths) == {5}
    assert reader.rows == [
        ["", "All", "Other"],
        list(GRID.head),
        ["first"],
        [HARD, "1.0", "2.0", "–", "−0.5"],
        ["second"],
        ["b", "4.0 ± 0.1", "–", "–", "–"],
    ]
    assert reader.notes == ["a line & more", "a note: 5*3 <i>"]
    assert reader.tags.count("b") == 1  # the best value


def test_an_html_page_loads_nothing() -> None:
    page = html(DOCUMENT)
    assert not re.search(r"<(link|img|iframe)|<script [^>]|\b(src|href)=|@import|url\(", page)
    assert page.count("<script>") == 1 and "fetch(" not in page and "import(" not in page
    assert page.startswith("<!doctype html>\n<html lang=") and '<meta charset="utf-8">' in page


def test_latex_writes_out_what_it_would_misread() -> None:
    assert latex_text(HARD) == (
        r"{[}a\_b \& 5\% of \#1 \$x\$ \{y\} \textasciitilde{}z\textasciicircum{}2 \textbackslash{}n <b> "
        r'"q" | * $\pm$ $\geq$ $\to$'
    )
    text = latex(DOCUMENT)
    assert r"\caption{Title <1>}" in text and r"\label{tab:name}" in text
    head = [
        r"\begin{tabular}{lrrrr}",
        r"\toprule",
        r"\multicolumn{1}{c}{} & \multicolumn{3}{c}{All} & \multicolumn{1}{c}{Other} \\",
        r"\cmidrule(lr){2-4} \cmidrule(lr){5-5}",
        r"Method & mAP & CF1 & OF1 & mAP \\",
        r"\midrule",
        r"\multicolumn{5}{l}{\emph{first}} \\",
    ]
    lines = text.splitlines()
    start = lines.index(head[0])
    assert lines[start : start + len(head)] == head
    assert r"1.0 & \textbf{2.0} & -- & $-$0.5 \\" in text
    assert lines[-6:] == [
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        r"a line \& more\par",
        r"a note: 5*3 <i>\par",
        r"\end{table}",
    ]


def test_markdown_keeps_a_bar_in_its_cell_and_a_star_out_of_the_emphasis() -> None:
    lines = markdown(DOCUMENT).splitlines()
    assert lines[:3] == ["# Title &lt;1>", "", "- a line & more"]
    table = [line for line in lines if line.startswith("|")]
    assert len({len(line) for line in table}) == 1
    assert table[0].split("|")[2].strip() == "All mAP" and table[2].startswith("| **first** ")
    assert r"&lt;b> \"q\" \| * ±".replace(r"\"", '"') in table[3]
    assert lines[-1] == r"*a note: 5\*3 &lt;i>*"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A store with runs of a whole data set, runs under two conditions, and a class with 25 neighbours."""
    store = RecordStore(tmp_path_factory.mktemp("results"))
    for seed, ap in ((0, 0.8), (1, 0.9)):
        store.save(*full_record(made_cell("add-gcn", seed, protocol=PROTOCOLS["add-gcn"]), ap))
    store.save(*made_record(made_cell("salgl", limit_eval=40)))
    classes = tuple(f"class_{number} & more" for number in range(30))
    metrics = made_metrics((None, *[0.5] * 29))
    store.save(*made_record(made_cell(data="scenes"), classes, metrics=metrics))
    return Book(store)


def cells_of(grid: Grid) -> list[list[str]]:
    return [[cell.text for cell in row] for _, rows in grid.groups for row in rows]


def test_every_table_has_the_same_cells_in_every_format(book: Book) -> None:
    for name in (*book.own(), *book.papers()):
        table: PrintedTable = book.table(name)
        grids = [section.grid for section in table.document.sections]
        cells = [row for grid in grids for row in cells_of(grid)]
        head = sum(2 if any(grid.spans) else 1 for grid in grids)
        groups = [group for grid in grids for group, _ in grid.groups if group]
        reader = read(html(table.document))
        assert reader.open == []
        assert [row for row in reader.rows if row in cells] == cells
        assert len(reader.rows) == len(cells) + head + len(groups)
        written = FORMATS["md"](table)
        shown = [line for line in written.splitlines() if line.startswith("|")]
        assert len(shown) == len(cells) + 2 * len(grids) + len(groups)
        text = FORMATS["tex"](table)
        assert text.isascii(), name
        body = [line for line in text.splitlines() if line.endswith(r"\\") and r"\multicolumn" not in line]
        rows = [row for grid in grids for row in (list(grid.head), *cells_of(grid))]
        assert [re.sub(r"\\textbf\{((?:[^{}]|\{\[\})*)\}", r"\1", line) for line in body] == [
            " & ".join(map(latex_text, row)) + r" \\" for row in rows
        ]


def test_csv_is_the_data_frame(book: Book) -> None:
    for name in ("voc2007-comparison", "scenes-per-class", "add-gcn-table2"):
        table = book.table(name)
        text = FORMATS["csv"](table)
        assert "\r" not in text
        read_back = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
        assert list(read_back) == list(table.frame) and len(read_back) == len(table.frame)
        for column in table.frame.select_dtypes("float"):
            expected = ["" if pd.isna(value) else f"{value:.6f}" for value in table.frame[column]]
            assert list(read_back[column]) == expected


def test_many_classes_are_rows_in_every_format(book: Book, tmp_path: Path) -> None:
    table = book.table("scenes-per-class")
    reader = read(FORMATS["html"](table))
    assert reader.rows[:3] == [["", "ResNet baseline"], ["Seeds", "1"], ["class_0 & more", "–"]]
    assert r"class\_29 \& more & 50.0 \\" in FORMATS["tex"](table)


def test_markdown_takes_nothing_for_html_and_stays_on_its_line(tmp_path: Path) -> None:
    names = ("<b>bold</b>", "<script>alert(1)</script>", "two\nlines", "a|b", "R&amp;D", "x < y", "plain")
    store_made(tmp_path / "results", made_cell("resnet", data="own"), classes=names)
    text = bench(tmp_path, None, "tables", "own-per-class", "--format", "md").stdout
    assert not re.search(r"<[a-z/]", text)
    for shown in ("&lt;b>bold&lt;/b>", "two lines", "a\\|b", "R&amp;amp;D", "x &lt; y"):
        assert shown in text, shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " +"])
def test_a_spreadsheet_takes_no_cell_of_a_csv_for_a_formula(start: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({f"{start}head": [f"{start}cmd|' /C calc'!A0", "plain"], "number": [-1.5, 2.0]})
    head, *rows = list(csv_reader(io.StringIO(csv(frame), newline="")))
    shown = start.replace("\r", " ")
    assert head == [f"'{shown}head", "number"]
    assert rows == [[f"'{shown}cmd|' /C calc'!A0", "-1.500000"], ["plain", "2.000000"]]
