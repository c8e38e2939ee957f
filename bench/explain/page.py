"""The page: one HTML file that loads nothing and runs nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from bench.explain.cards import Card, Cards, Examples, Line
from bench.explain.counts import Counts
from bench.explain.explain import Explanation
from bench.explain.looks import Look, Thumbnails
from bench.explain.report import (
    ADDED,
    conditions,
    decided,
    number,
    signed,
    title_of,
    unpictured,
)
from bench.metrics.uncertainty import Interval
from bench.pages import own, page_template

_PACKAGE = "bench.explain"

IMAGES = 8
"""Images that the page lists as the largest gains, and as the largest losses."""


class Cell(NamedTuple):
    """A number and its interval, in words."""

    value: str
    interval: str


class Bar(NamedTuple):
    """A difference with its interval on a line from 0 to 100, where 50 is no difference.

    Attributes:
        side: `fewer` or `more`, where the interval leaves out 0; else `open`.
    """

    at: str
    low: str
    high: str
    side: str


class Row(NamedTuple):
    """One kind of errors, or all of them, which would be out of the scale of the bars."""

    title: str
    sentence: str
    possible: str
    a: Cell
    b: Cell
    difference: Cell
    bar: Bar | None


class Table(NamedTuple):
    """Errors of one sort; the last row is their sum."""

    name: str
    title: str
    possible: str
    rows: tuple[Row, ...]
    examples: tuple[tuple[str, Examples], ...]


class Metric(NamedTuple):
    """One metric of both methods, in percent."""

    name: str
    a: Cell
    b: Cell
    difference: Cell
    bar: Bar


class Page(NamedTuple):
    """All that the page shows; `notes` say what is missing and why."""

    title: str
    a: str
    b: str
    lead: str
    metrics: tuple[Metric, ...]
    decided: str
    kinds: tuple[Table, ...]
    others: tuple[Table, ...]
    gains: tuple[Card, ...]
    losses: tuple[Card, ...]
    image_gains: tuple[Line, ...]
    image_losses: tuple[Line, ...]
    added: str
    maps: tuple[str, ...]
    notes: tuple[str, ...]
    conditions: tuple[str, ...]


def page_of(found: Explanation, looks: tuple[Look, Look], shown: int) -> Page:
    """Put the page of an explanation together.

    Args:
        found: the explanation.
        looks: what each method looks at.
        shown: how many labels are shown as the largest gains, and as losses.
    """
    thumbnails = Thumbnails(found.material.pictures)
    cards = Cards(found, thumbnails, looks)
    kinds = tuple(_table(counts, cards) for counts in found.kinds)
    gains, losses = (tuple(map(cards.card, changes)) for changes in found.changes.largest(shown))
    image_gains, image_losses = (tuple(map(cards.line, lines)) for lines in found.changes.images(IMAGES))
    return Page(
        title=title_of(found),
        a=found.sides.a.name,
        b=found.sides.b.name,
        lead=_lead(found),
        metrics=_metrics(found),
        decided=decided(found),
        kinds=kinds,
        others=tuple(_table(counts, None) for counts in found.others),
        gains=gains,
        losses=losses,
        image_gains=image_gains,
        image_losses=image_losses,
        added=ADDED,
        maps=_maps(looks),
        # The thumbnails know by now which pictures cannot be read.
        notes=(*found.material.notes, *unpictured(thumbnails.notes), *found.comparison.pair.notes),
        conditions=conditions(found),
    )


def _maps(looks: tuple[Look, Look]) -> tuple[str, ...]:
    scale = ("Blue is the least of a map, red its most.",) if any(look.can for look in looks) else ()
    return (*(look.note for look in looks if look.note), *scale)


def _lead(found: Explanation) -> str:
    """The finding in two sentences: mAP, and what the methods get wrong."""
    a, b = found.sides.a.name, found.sides.b.name
    one = _turned(found.comparison.metrics[0].difference)
    value, low, high = (signed(100 * part) for part in one)
    missed, false = (counts.total.difference.value for counts in found.kinds)
    return (
        f"The mAP of {b} less that of {a} is {value} points [{low}, {high}]. At the protocol's threshold {b} "
        f"misses {_more(missed, 'label')} and raises {_more(false, 'false alarm')}."
    )


def _more(difference: float, what: str) -> str:
    count = number(abs(difference))
    if count == "0":
        return f"as many {what}s"
    return f"{count} {'more' if difference > 0 else 'fewer'} {what if count == '1' else what + 's'}"


def _metrics(found: Explanation) -> tuple[Metric, ...]:
    # The comparison has a - b.
    turned = [_turned(one.difference) for one in found.comparison.metrics]
    reach = _reach(turned)
    return tuple(
        Metric(
            one.name,
            _percent(one.a),
            _percent(one.b),
            Cell(
                signed(100 * difference.value),
                f"{signed(100 * difference.low)}, {signed(100 * difference.high)}",
            ),
            _bar(difference, reach),
        )
        for one, difference in zip(found.comparison.metrics, turned, strict=True)
    )


def _turned(one: Interval) -> Interval:
    return Interval(-one.value, -one.high, -one.low)


def _percent(one: Interval) -> Cell:
    value, low, high = (f"{100 * part:.1f}" for part in one)
    return Cell(value, f"{low}, {high}")


def _table(counts: Counts, cards: Cards | None) -> Table:
    reach = _reach([row.difference for row in counts.rows[:-1]])
    sorting = counts.sorting
    examples: tuple[tuple[str, Examples], ...] = ()
    if cards is not None:
        each = ((kind.title, cards.examples(counts, n)) for n, kind in enumerate(sorting.kinds))
        examples = tuple((title, one) for title, one in each if one.a or one.b)
    rows = tuple(
        Row(
            row.kind.title,
            row.kind.sentence,
            f"{row.possible:,}",
            _count(row.a),
            _count(row.b),
            Cell(
                signed(row.difference.value, number),
                f"{signed(row.difference.low, number)}, {signed(row.difference.high, number)}",
            ),
            None if row is counts.total else _bar(row.difference, reach),
        )
        for row in counts.rows
    )
    possible = "Labels there" if sorting.missed else "Labels not there"
    name = f"{'missed' if sorting.missed else 'false'}-by-{sorting.by}"
    return Table(name, sorting.title, possible, rows, examples)


def _count(one: Interval) -> Cell:
    return Cell(number(one.value), f"{number(one.low)}, {number(one.high)}")


def _reach(differences: Sequence[Interval]) -> float:
    """What the ends of a line of bars stand for."""
    return max((max(abs(one.low), abs(one.high)) for one in differences), default=0.0) or 1.0


def _bar(one: Interval, reach: float) -> Bar:
    at, low, high = (f"{50 + 48 * part / reach:.1f}" for part in one)
    side = "fewer" if one.high < 0 else "more" if one.low > 0 else "open"
    return Bar(at, low, high, side)


def render(page: Page) -> str:
    """The page as HTML. What comes from records is escaped; the style is this project's own."""
    return page_template(_PACKAGE).render(page=page, style=own(_PACKAGE, "page.css"))
