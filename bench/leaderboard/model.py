"""What the page consists of, before it is written as HTML."""

from dataclasses import dataclass

from bench.figures.palette import Style
from bench.leaderboard.charts import Chart
from bench.leaderboard.lead import LeadPanel


@dataclass(frozen=True)
class PageLink:
    """A link to a file beside the page.

    Attributes:
        text: what is shown.
        address: relative to the page.
    """

    text: str
    address: str


@dataclass(frozen=True)
class PageCell:
    """What stands in one place of a table.

    Attributes:
        text: as printed.
        interval: as printed, in small type under it.
        value: what it is sorted by; None for words, and where there is no number.
        best: whether it is bold: the best, or not told from the best by a test.
        note: small print behind it.
        heat: where it lies between the least (0) and the greatest (1) value of the table; None for no colour.
        conditions: the id of the list of conditions that hold for it; empty where it was not measured here.
        made: what else is to be said of how it was made.
        links: to pictures, which take the place of the text.
    """

    text: str
    interval: str = ""
    value: float | None = None
    best: bool = False
    note: str = ""
    heat: float | None = None
    conditions: str = ""
    made: str = ""
    links: tuple[PageLink, ...] = ()


@dataclass(frozen=True)
class PageHead:
    """The heading of a column.

    Attributes:
        title: as printed.
        number: whether numbers stand under it.
        descending: whether the greatest value is first when somebody sorts by it.
    """

    title: str
    number: bool = True
    descending: bool = True


@dataclass(frozen=True)
class PageRow:
    """A row: its heading, its cells, and how the method that it belongs to is drawn."""

    name: str
    cells: tuple[PageCell, ...]
    style: Style | None = None


@dataclass(frozen=True)
class PageTable:
    """A table.

    Attributes:
        name: its id.
        caption: what it shows.
        corner: the heading of the row headings.
        heads: the headings of the other columns.
        rows: the rows as they first stand.
        foot: rows that stay last however the others are sorted.
    """

    name: str
    caption: str
    corner: str
    heads: tuple[PageHead, ...]
    rows: tuple[PageRow, ...]
    foot: tuple[PageRow, ...] = ()


@dataclass(frozen=True)
class PageSection:
    """The runs on one data set under one set of conditions.

    Attributes:
        name: its id; that of the list of its conditions is `NAME-conditions`.
        title: the data set, and the conditions where there are several sections of it.
        conditions: what holds for every number.
        device: what speeds and memory were measured on.
        comparison: the metrics of every method.
        cost: what a run took.
        classes: AP by class and method.
        trade: accuracy against cost.
        learning: loss and mAP over the epochs; empty where nothing was trained.
    """

    name: str
    title: str
    conditions: tuple[str, ...]
    device: str
    comparison: PageTable
    cost: PageTable
    classes: PageTable
    trade: tuple[Chart, ...]
    learning: tuple[Chart, ...]


@dataclass(frozen=True)
class PageTune:
    """A tune.

    Attributes:
        title: its name.
        facts: how it was made.
        report: a link to its report, where that was written.
        curves: the expected best mAP against trials and against hours; empty where too little was drawn.
        mattered: how much each drawn value mattered to each method; None there.
        explained: what its numbers are.
    """

    title: str
    facts: tuple[str, ...]
    report: PageLink | None
    curves: tuple[Chart, ...]
    mattered: PageTable | None
    explained: str


@dataclass(frozen=True)
class Page:
    """All of it.

    Attributes:
        facts: how much there is of everything, in words.
        lead: who is ahead, a panel for each data set, then one for each tune.
        ranking: the overall ranking.
        columns: by data set of the ranking: its title, and the id of the section with its conditions.
        sections: the data sets.
        tuned: every tuned method beside itself untuned; None where nothing was tuned.
        tunes: what the trials gave.
        published: what the papers print.
        notes: a line on each run that is left out.
    """

    facts: tuple[str, ...]
    lead: tuple[LeadPanel, ...]
    ranking: PageTable
    columns: tuple[tuple[str, str], ...]
    sections: tuple[PageSection, ...]
    tuned: PageTable | None
    tunes: tuple[PageTune, ...]
    published: PageTable
    notes: tuple[str, ...]


def conditions_id(section: str) -> str:
    """The id of the list of conditions of a section."""
    return f"{section}-conditions"
