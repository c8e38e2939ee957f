"""The ranking is a pure function of the records; its files say the same, and nothing else gets in."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bench.experiment.methods import parse_methods
from bench.experiment.tuned import Tuned
from bench.figures.palette import styles
from bench.leaderboard.charts import Point, Series, chart, ticks
from bench.leaderboard.page import page_of as put_together
from bench.leaderboard.pictures import Pictures
from bench.leaderboard.ranking import Ranking, Standing, ranking
from bench.leaderboard.write import write_leaderboard
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RECORD, RecordStore
from bench.records.tunes import folder_of
from bench.tables.book import Book
from bench.tune.curves import curve_of
from bench.tune.design import load_design
from bench.tune.outcome import outcomes
from bench.tune.report import write_report
from bench_command import bench
from made_records import SCHEDULE, failed_record, made_cell, made_metrics, made_record, store_made
from made_tunes import made_tune


def store_of(results: Path, scores: dict[tuple[str, str], list[float]], **changes: Any) -> RecordStore:
    """A record for each mAP; the keys are data set and method, the seeds count from 0."""
    store = RecordStore(results)
    for (data, method), values in scores.items():
        for seed, value in enumerate(values):
            cell = made_cell(method, seed, data, **changes)
            store.save(*made_record(cell, metrics=made_metrics((value, value, value))))
    return store


def ranked(store: RecordStore) -> Ranking:
    return ranking(Book(store).groups)


def by_label(found: Ranking) -> dict[str, Standing]:
    return {standing.label: standing for standing in found.standings}


SMALL = {
    ("scenes", "prior"): [0.2],
    ("scenes", "resnet"): [0.5],
    ("scenes", "ml-gcn"): [0.58, 0.62],
    ("scenes", "salgl"): [0.7],
    ("voc2007", "resnet"): [0.9],
    ("voc2007", "ml-gcn"): [0.8],
    ("voc2007", "salgl"): [0.85],
}


def test_places_ranks_and_means(tmp_path: Path) -> None:
    found = ranked(store_of(tmp_path, SMALL))
    assert list(found.columns) == ["scenes", "voc2007"]
    assert [
        (one.label, one.place, one.mean_rank, one.mean_map and round(one.mean_map, 6))
        for one in found.standings
    ] == [
        ("salgl", 1, 1.5, 77.5),
        ("resnet", 2, 2.0, 70.0),
        ("ml-gcn", 3, 2.5, 70.0),
        ("prior", None, None, None),
    ]
    result = by_label(found)["ml-gcn"].results["scenes"]
    assert (result.printed, round(result.deviation, 4), result.seeds, result.rank) == (
        "60.0",
        2.8284,
        (0, 1),
        2,
    )
    assert by_label(found)["prior"].results["scenes"].rank is None, "the floor is no method"


def test_equal_printed_values_share_a_rank_and_a_place(tmp_path: Path) -> None:
    values = {"resnet": 0.80001, "ml-gcn": 0.80004, "salgl": 0.9, "ssgrl": 0.1}
    found = ranked(store_of(tmp_path, {("scenes", method): [value] for method, value in values.items()}))
    placed = {one.label: (one.place, one.mean_rank) for one in found.standings}
    assert placed == {"salgl": (1, 1), "ml-gcn": (2, 2.5), "resnet": (2, 2.5), "ssgrl": (4, 4)}


def test_what_was_not_run_everywhere_has_a_place_that_says_so(tmp_path: Path) -> None:
    more = {**SMALL, ("scenes", "add-gcn"): [0.99], ("voc2007", "resnet/pool=max"): [0.95]}
    found = ranked(store_of(tmp_path, more))
    # Four methods have a result on each; who has none counts as the fifth there.
    assert [(one.label, one.place, one.mean_rank, one.completeness) for one in found.standings] == [
        ("salgl", 1, (2 + 3) / 2, ""),
        ("resnet", 2, (4 + 2) / 2, ""),
        ("resnet/pool=max", 3, (5 + 1) / 2, "on 1 of 2 data sets"),
        ("add-gcn", 3, (1 + 5) / 2, "on 1 of 2 data sets"),
        ("ml-gcn", 5, (3 + 4) / 2, ""),
        ("prior", None, None, "on 1 of 2 data sets"),
    ]
    for label in ("add-gcn", "resnet/pool=max"):
        assert by_label(found)[label].mean_map is None, "a mean of other data sets cannot be compared"
    text = write_leaderboard(RecordStore(tmp_path), tmp_path / "out")[0].read_text(encoding="utf-8")
    rows = {row[0]: row[1:] for row in rows_of(text)}
    assert rows["ADD-GCN"] == ["3 (on 1 of 2 data sets)", "3.00", "", "99.0 (#1 [1, 4])", "– (#5)"]
    assert rows["Label frequency"] == ["", "", "", "20.0", "–"]
    assert "no result it counts as behind all that have one" in text
    page = (tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count('<small class="under">on 1 of 2 data sets</small>') == 2 and ">–<small" not in page
    assert "no result it counts as behind all that have one" in page


def test_leaving_out_the_hard_data_set_never_gains(tmp_path: Path) -> None:
    """A method is placed no better without its worst result than with it."""
    everywhere = {**SMALL, ("scenes", "add-gcn"): [0.3], ("voc2007", "add-gcn"): [0.99]}
    left_out = {key: value for key, value in everywhere.items() if key != ("scenes", "add-gcn")}
    with_it = by_label(ranked(store_of(tmp_path / "with", everywhere)))
    without = by_label(ranked(store_of(tmp_path / "without", left_out)))
    assert with_it["add-gcn"].mean_rank == without["add-gcn"].mean_rank == (4 + 1) / 2
    assert (without["add-gcn"].place or 0) >= (with_it["add-gcn"].place or 0)
    for label in ("salgl", "resnet", "ml-gcn"):
        assert without[label].mean_rank == with_it[label].mean_rank, "nor does it move the others"
    alone = ranked(store_of(tmp_path / "alone", {**SMALL, ("birds", "ssgrl"): [0.99]}))
    assert alone.standings[0].label == "salgl", "one that has no rival is first there alone"
    assert by_label(alone)["ssgrl"].mean_rank == (4 + 4 + 1) / 3


def test_methods_that_share_no_data_set_share_a_place(tmp_path: Path) -> None:
    found = ranked(store_of(tmp_path, {("scenes", "resnet"): [0.3], ("voc2007", "salgl"): [0.9]}))
    assert [(one.label, one.place, one.mean_rank) for one in found.standings] == [
        ("resnet", 1, 1.5),
        ("salgl", 1, 1.5),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": SCHEDULE.model_copy(update={"epochs": 9})},
        {"protocol": PROTOCOLS["salgl"]},
        {"data_fingerprint": "cccc-dddd"},
        {"limit_train": 8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_column_holds_runs_under_the_same_conditions_alone(change: dict[str, Any], tmp_path: Path) -> None:
    store = store_of(tmp_path, {("scenes", "resnet"): [0.5], ("scenes", "salgl"): [0.6]})
    store_of(tmp_path, {("scenes", "ml-gcn"): [0.9]}, **change)
    found = ranked(store)
    assert [one.label for one in found.standings] == ["salgl", "resnet"]
    assert {record.cell.conditions() for record in found.columns["scenes"].records} == {
        made_cell(data="scenes").conditions()
    }
    page, text = (
        path.read_text(encoding="utf-8") for path in reversed(write_leaderboard(store, tmp_path / "out"))
    )
    for written in (page, text):
        assert written.count("not in the overall ranking, whose runs differ in: ") == 1


def test_a_quick_look_does_not_stand_for_a_data_set(tmp_path: Path) -> None:
    store = store_of(tmp_path, {("scenes", "resnet"): [0.5]})
    store_of(tmp_path, {("scenes", method): [0.9] for method in ("resnet", "salgl", "ml-gcn")}, limit_eval=8)
    assert [one.label for one in ranked(store).standings] == ["resnet"]


def test_validation_images_do_not_stand_for_a_data_set(tmp_path: Path) -> None:
    store = store_of(tmp_path, {("scenes", "resnet"): [0.5]}, limit_eval=8)
    store_of(tmp_path, {("scenes", method): [0.9] for method in ("resnet", "salgl")}, split="validation")
    assert [one.label for one in ranked(store).standings] == ["resnet"]


def rows_of(text: str) -> list[list[str]]:
    """The cells of the first table of a Markdown file."""
    lines = re.findall(r"^\|.*\|$", text.partition("\n## ")[0], flags=re.M)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_markdown_says_what_was_ranked_under_which_conditions(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "leaderboard", "--results", str(store_of(tmp_path, SMALL).folder.parent))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "leaderboard" / "leaderboard.md").read_text(encoding="utf-8")
    head, _, *rows = rows_of(text)
    assert head == [
        "Method",
        "Place",
        "Mean rank",
        "Mean mAP",
        "Scenes mAP",
        "PASCAL VOC 2007 mAP",
    ]
    assert rows == [
        ["SALGL", "1", "1.50", "77.5", "70.0 (#1 [1, 3])", "85.0 (#2 [1, 3])"],
        ["ResNet baseline", "2", "2.00", "70.0", "50.0 (#3 [1, 3])", "90.0 (#1 [1, 3])"],
        ["ML-GCN", "3", "2.50", "70.0", "60.0 ± 2.8 (#2 [1, 3])", "80.0 (#3 [1, 3])"],
        ["Label frequency", "", "", "", "20.0", "–"],
    ]
    for line in (
        "- data: scenes, 16 of 800 training",
        "- protocol: bench — AP not interpolated",
        "- device: a CPU",
    ):
        assert line in text


class Page(HTMLParser):
    """Reads a page; fails on tags that do not match, and notes what a browser would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input"):
            self.open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        self.loaded += [
            f"{tag} {name}"
            for name in given
            if name in ("src", "srcset", "data", "action") or name.startswith("on")
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.remove(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(store: RecordStore, folder: Path) -> tuple[str, Page]:
    text = write_leaderboard(store, folder)[1].read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    text, page = page_of(store_of(tmp_path, SMALL), tmp_path / "out")
    assert not page.open and page.loaded == []
    assert len(page.ids) == len(set(page.ids))
    assert page.links and all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text)
    referred = re.findall(r'(?:data-of|aria-labelledby|data-table)="([^"]+)"', text.partition("<script>")[0])
    assert referred and set(referred) <= set(page.ids)


def test_tuned_methods_lead_in_a_panel_of_their_own_and_are_not_ranked(tmp_path: Path) -> None:
    untuned_scores = {"resnet": 0.5, "ml-gcn": 0.6, "salgl": 0.7}
    store_of(tmp_path, {("voc2007", method): [value] for method, value in untuned_scores.items()})
    for method, value in (("resnet", 0.9), ("ml-gcn", 0.8)):
        tuned = Tuned(name="made", method=method, design="0" * 12, trials=4, fields=("lr",))
        store_of(tmp_path, {("voc2007", method): [value]}, tuned=tuned)
    book = Book(RecordStore(tmp_path))
    page = put_together(book, ranking(book.groups), Pictures(tmp_path, tmp_path, {*book.groups}))
    untuned, tuned_panel = page.lead
    assert tuned_panel.title == f"{untuned.title}, tuned, 4 trials each"
    assert [row.value for row in tuned_panel.rows] == ["90.0", "80.0"]
    assert [row.value for row in untuned.rows] == ["70.0", "60.0", "50.0"]
    assert {panel.section for panel in page.lead} == {section.name for section in page.sections}
    assert all(cell.text != "90.0" for row in page.ranking.rows for cell in row.cells)


KINDS_NOT_RANKED: dict[str, tuple[dict[str, Any], str]] = {
    "validation": ({"split": "validation"}, "it was measured on validation images"),
    "tuned": (
        {"tuned": Tuned(name="made", method="resnet", design="0" * 12, trials=4, fields=("lr",))},
        "its methods are tuned",
    ),
}


@pytest.mark.parametrize(("change", "why"), KINDS_NOT_RANKED.values(), ids=list(KINDS_NOT_RANKED))
def test_validation_runs_and_tuned_ones_are_in_no_ranking_and_say_so(
    change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    """Neither beside the untuned test runs of another data set, nor alone."""
    store = store_of(tmp_path / "both", {("scenes", "resnet"): [0.5]})
    for folder in ("both", "alone"):
        store_of(tmp_path / folder, {("voc2007", "resnet"): [0.9]}, **change)
    found = ranked(store)
    assert list(found.columns) == ["scenes"] and by_label(found)["resnet"].lacking == {}
    for folder in ("both", "alone"):
        written = write_leaderboard(RecordStore(tmp_path / folder), tmp_path / "out")
        for text in (path.read_text(encoding="utf-8") for path in written):
            assert text.count(f"not in the overall ranking: {why}") == 1
            assert ("Nothing is ranked: no untuned run was measured on test images" in text) == (
                folder == "alone"
            )
            heading = re.search(r"(?:<h2>|\n## )(PASCAL VOC 2007.*)", text)
            assert heading and ("on validation images" in heading[1]) == ("split" in change)


def test_a_tune_is_shown_with_its_curves_and_what_mattered(tmp_path: Path) -> None:
    store = store_of(made_tune(tmp_path), {("voc2007", "resnet"): [0.5], ("voc2007", "ml-gcn"): [0.6]})
    book = Book(store)
    page = put_together(book, ranking(book.groups), Pictures(tmp_path, tmp_path / "out", {*book.groups}))
    (tune,) = page.tunes
    assert tune.title == "made" and "10 trials each, drawn from seed 0" in tune.facts[0]
    assert "no trial sees an image of the test split" in tune.facts and tune.report is None
    by_trials, by_hours = tune.curves
    assert (by_trials.x_label, by_hours.x_label) == ("drawn trials", "hours")
    for curve in (*by_trials.curves, *by_hours.curves):
        assert len(curve.marks) == 9 and curve.band.count("L") == 2 * 9 - 1, "there along the top and back"
    (drawn,) = [curve for curve in by_trials.curves if curve.title == "ResNet baseline"]
    design = load_design(folder_of(tmp_path, "made"))
    assert design is not None
    found = outcomes(design, RecordStore(folder_of(tmp_path, "made")), parse_methods(("resnet",)))
    curve = curve_of(design, found[0]).curve
    last = [100 * float(one[-1]) for one in (curve.expected, curve.low, curve.high)]
    assert drawn.marks[-1].words == "ResNet baseline, best of 9: {:.1f} % [{:.1f}, {:.1f}]".format(*last)
    assert tune.mattered is not None
    column = [head.title for head in tune.mattered.heads].index("lr")
    cells = {row.name: row.cells[column].text for row in tune.mattered.rows}
    assert cells["ResNet baseline"] == "+1.00 (p 0.00)" and cells["ML-GCN"] != "+1.00 (p 0.00)"

    report = write_report(tmp_path, "made")
    text, _ = page_of(store, tmp_path / "out")
    assert 'href="../tunes/made/report.md"' in text and "![Tuning curves](tuning-curves.png)" in report
    assert text.count('class="band"') == 2 * 2 and "What mattered in made" in text
    printed = (tmp_path / "out" / "leaderboard.md").read_text("utf-8")
    assert "## Tune made" in printed and "+1.00 (p 0.00)" in printed and "../tunes/made/report.md" in printed


def test_a_tune_that_cannot_be_read_stops_no_page_and_is_named(tmp_path: Path) -> None:
    store = store_of(tmp_path, SMALL)
    (tmp_path / "tunes" / "bad").mkdir(parents=True)
    (tmp_path / "tunes" / "bad" / "design.json").write_text("{}")
    text, _ = page_of(store, tmp_path / "out")
    assert "not shown: tune bad: " in text and 'id="tuned-part"' not in text


def test_nothing_from_a_record_becomes_markup(tmp_path: Path) -> None:
    hostile = (
        "</script><script>hacked=1</script>",
        '"><img src=x onerror=hacked=1>',
        "{{ 7 * 7 }} & 'more' |",
    )
    store = RecordStore(tmp_path)
    store.save(*made_record(made_cell(), hostile))
    store.save(failed_record(made_cell("salgl"), "it says <b>no</b> & `more`"), None)
    text, page = page_of(store, tmp_path / "out")
    assert (
        page.loaded == [] and not page.open and text.count("<script>") == 1 and text.count("</script>") == 1
    )
    assert all(name in page.words for name in hostile)
    assert any("it says <b>no</b> & `more`" in words for words in page.words)
    assert "<b>no</b>" not in (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8")


def test_the_same_bytes_twice_and_in_any_order_of_folders(tmp_path: Path) -> None:
    first = write_leaderboard(store_of(tmp_path / "one", SMALL), tmp_path / "a")
    turned = dict(reversed(SMALL.items()))
    second = write_leaderboard(store_of(tmp_path / "two", turned), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert b"2030" not in first[0].read_bytes() + first[1].read_bytes(), "no date of a record"


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell("ssgrl"))
    store.save(failed_record(made_cell("salgl"), "the loss is nan in epoch 2"), None)
    (store.folder / made_cell("ssgrl").run_id() / RECORD).write_text("{")
    for path in write_leaderboard(store, tmp_path / "out"):
        text = path.read_text(encoding="utf-8")
        assert "the loss is nan in epoch 2" in text and "left out, damaged: voc2007-ssgrl-" in text


def test_without_a_finished_run_nothing_is_written(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "leaderboard")
    assert done.exit_code == 2 and "No finished run under" in done.output
    assert not (tmp_path / "results").exists()


def test_a_record_without_history_and_cost_has_its_numbers_all_the_same(tmp_path: Path) -> None:
    """As of a published checkpoint that was evaluated here."""
    store = RecordStore(tmp_path)
    store.save(*made_record(made_cell(), history=(), cost=None, selected_epoch=None))
    text, page = page_of(store, tmp_path / "out")
    assert "Learning curves" not in page.words and "Accuracy against cost" not in page.words
    assert text.count('<svg class="chart"') == 0 and "ResNet baseline" in page.words


def test_published_values_are_shown_with_their_source_and_never_ranked(tmp_path: Path) -> None:
    text, _ = page_of(store_of(tmp_path, {("scenes", "resnet"): [0.5]}), tmp_path / "out")
    table = text.partition('<table id="published"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>.*?</tr>", table, flags=re.S)[1:]
    assert len(rows) > 5 and len(rows) == len(set(rows))
    assert all('data-made="' in row and "data-of" not in row for row in rows)
    (addgcn,) = (row for row in rows if ">ADD-GCN<" in row and "MS-COCO 2014" in row and "448 → 512" in row)
    assert ">85.2<" in addgcn and "Ye et al." in addgcn


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([73.1, 89.6], [70, 75, 80, 85, 90]),
        ([0.05, 0.31], [0, 0.1, 0.2, 0.3, 0.4]),
        ([5.0], [5, 6]),
        ([0.0], [0, 0.2]),
        ([6800, 10800], [6000, 7000, 8000, 9000, 10000, 11000]),
    ],
)
def test_ticks_are_round_and_hold_all_values(values: list[float], expected: list[float]) -> None:
    assert ticks(values) == pytest.approx(expected)


def test_a_chart_places_its_points_on_its_axes() -> None:
    style = styles(["resnet"])["resnet"]
    drawn = chart(
        "t",
        "x",
        "y",
        [Series("it", style, (Point(1, 10, "a"), Point(3, 20, "b")), joined=True)],
        whole_x=True,
    )
    assert [text for _, text in drawn.x_ticks] == ["1", "2", "3"]
    (curve,) = drawn.curves
    assert [mark.x for mark in curve.marks] == [drawn.x_ticks[0][0], drawn.x_ticks[2][0]]
    assert [mark.y for mark in curve.marks] == [f"{drawn.bottom:.1f}", f"{drawn.top:.1f}"]
    assert curve.path == f"M{curve.marks[0].x} {curve.marks[0].y} L{curve.marks[1].x} {curve.marks[1].y}"
