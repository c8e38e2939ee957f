"""The tunes on the page: tuning curves, and how much each drawn value mattered to each method."""

from collections.abc import Mapping, Sequence

from bench.errors import UserError
from bench.figures.palette import styles
from bench.leaderboard.charts import Chart, Point, Series, chart
from bench.leaderboard.model import PageCell, PageHead, PageRow, PageTable, PageTune
from bench.leaderboard.pictures import Pictures
from bench.records.groups import method_title
from bench.records.store import RecordStore
from bench.records.tunes import folder_of
from bench.tables.grid import NOTHING
from bench.tune.curves import CONFIDENCE, DrawnCurve, curve_of
from bench.tune.design import Design, load_design
from bench.tune.outcome import MethodOutcome, methods_tried, outcomes
from bench.tune.report import REPORT, facts, tune_names
from bench.tune.sensitivity import EXPLAINED, enough_drawn, mattered


def tunes_of(pictures: Pictures) -> tuple[list[PageTune], list[str]]:
    """Every tune under the results, from the records of its trials; a line on each that cannot be read."""
    found, notes = [], []
    for number, name in enumerate(tune_names(pictures.results), start=1):
        try:
            found.append(_tune(f"tune-{number}", name, pictures))
        except UserError as error:
            notes.append(f"not shown: tune {name}: {error}")
    return found, notes


def _tune(place: str, name: str, pictures: Pictures) -> PageTune:
    folder = folder_of(pictures.results, name)
    design = load_design(folder)
    assert design is not None, "tune_names looks for it"
    store = RecordStore(folder)
    found = outcomes(design, store, methods_tried(design, store))
    known, report = enough_drawn(found), folder / REPORT
    return PageTune(
        title=name,
        facts=tuple(facts(design, found, store)),
        report=pictures.link("report of the trials", report) if report.is_file() else None,
        curves=_charts(design, known) if known else (),
        mattered=_mattered(place, design, known) if known else None,
        explained=EXPLAINED,
    )


def _title(outcome: MethodOutcome) -> str:
    return method_title(outcome.method.name, outcome.method.label())


def _charts(design: Design, found: Sequence[MethodOutcome]) -> tuple[Chart, Chart]:
    """The expected best mAP against drawn trials, and against the hours that they take."""
    curves = {outcome.method.label(): curve_of(design, outcome) for outcome in found}
    titles = {outcome.method.label(): _title(outcome) for outcome in found}
    best = f"expected best mAP (%), {CONFIDENCE:.0%} band"
    by_trials = _series(curves, titles, dict.fromkeys(curves, 1.0))
    by_hours = _series(curves, titles, {label: one.hours for label, one in curves.items()})
    return (
        chart("Tuning curves by trials", "drawn trials", best, by_trials, whole_x=True),
        chart("Tuning curves by hours", "hours", best, by_hours),
    )


def _series(
    curves: Mapping[str, DrawnCurve], titles: Mapping[str, str], each: Mapping[str, float]
) -> list[Series]:
    """A line for each method, whose trials lie so far from each other."""
    looks = styles(curves)
    series = []
    for label, drawn in curves.items():
        curve = drawn.curve
        values = [100 * one for one in (curve.expected, curve.low, curve.high)]
        points = [
            Point(each[label] * n, y, f"{titles[label]}, best of {n}: {y:.1f} % [{low:.1f}, {high:.1f}]")
            for n, (y, low, high) in enumerate(zip(*values, strict=True), start=1)
        ]
        band = tuple((float(low), float(high)) for low, high in zip(*values[1:], strict=True))
        series.append(Series(titles[label], looks[label], tuple(points), joined=True, band=band))
    return series


def _mattered(name: str, design: Design, found: Sequence[MethodOutcome]) -> PageTable:
    by_method = {_title(outcome): mattered(design, outcome) for outcome in found}
    drawn = list(dict.fromkeys(value for row in by_method.values() for value in row))
    rows = [
        PageRow(title, tuple(PageCell(row.get(value, NOTHING)) for value in drawn))
        for title, row in by_method.items()
    ]
    heads = tuple(PageHead(value, number=False) for value in drawn)
    return PageTable(name, f"What mattered in {design.name}", "Method", heads, tuple(rows))
