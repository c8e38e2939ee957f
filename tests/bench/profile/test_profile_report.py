"""What a profile measured is written, read again and judged; the table in the README is that of the files."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.profile.report import Figure, Growth, Measuring, Report, load, save, three_digits
from bench.profile.speed_table import BEGIN, END, put_into, reports, speed_table
from bench_command import bench
from places import ROOT

README = ROOT / "bench" / "README.md"
FAST = Figure(what="a", unit="s", values=(1, 2, 4), against="b", beside=(3, 4, 4), least=2)


def test_how_many_times_as_fast_is_the_median_of_the_repeats() -> None:
    assert FAST.median() == 2 and FAST.times() == 2 and FAST.kept() is True
    assert FAST.model_copy(update={"least": 2.01}).kept() is False
    alone = Figure(what="a", unit="s", values=(1, 3), most=2)
    assert alone.times() is None and alone.kept() is True
    assert alone.model_copy(update={"most": 1.9}).kept() is False
    assert alone.model_copy(update={"most": None}).kept() is None


def test_an_aim_that_some_repeats_reach_is_neither_kept_nor_plainly_missed() -> None:
    # The ratios within a repeat are 3, 2 and 1.
    near, missed = (FAST.model_copy(update={"least": least}) for least in (2.5, 3.5))
    assert near.kept() is False and near.near() and "in some repeats" in speed_table([report_of(near)])
    assert missed.kept() is False and not missed.near() and "**no**" in speed_table([report_of(missed)])
    alone = Figure(what="a", unit="s", values=(1, 3), most=1.5)
    assert alone.near() and not alone.model_copy(update={"most": 0.5}).near()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.000123456, "0.000123"),
        (1.0, "1"),
        (12.345, "12.3"),
        (999.4, "999"),
        (999.6, "1,000"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_have_three_digits_and_large_ones_no_exponent(value: float, said: str) -> None:
    assert three_digits(value) == said


def report_of(figure: Figure) -> Report:
    return Measuring("metrics").report((figure,))


def test_repeats_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values and 1 beside"):
        Figure(what="a", unit="s", values=(1, 2, 3), against="b", beside=(3,))


@pytest.mark.parametrize(("exponent", "kept"), [(1.0, True), (1.1, True), (2.0, False)])
def test_the_exponent_is_that_of_the_larger_sizes(exponent: float, kept: bool) -> None:
    sizes = (1, 10, 100, 1000, 10000)
    # What a call costs in any case makes the small ones alike.
    values = tuple(max(5.0, size**exponent) for size in sizes)
    growth = Growth(what="a", unit="s", against="b", sizes=sizes, values=values, most=1, law="linear")
    assert growth.slope() == pytest.approx(exponent, abs=0.05) and growth.kept() is kept


def test_a_report_comes_back_with_the_machine_and_its_load(tmp_path: Path) -> None:
    report = Measuring("metrics").report((FAST,), ("a note",))
    save(report, tmp_path / "one.json")
    again = load(tmp_path / "one.json")
    assert again == report and again.environment.device == "cpu" and again.cores >= 1
    assert len(again.load) == 2
    (tmp_path / "two.json").write_text('{"part": 1}')
    with pytest.raises(UserError, match=r"two\.json is no report of a profile"):
        reports(tmp_path)


def test_the_table_stands_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    report = Measuring("metrics").report((FAST,))
    table, page = speed_table([report]), tmp_path / "page.md"
    assert "2 [1, 4] s" in table and "2.00" in table and "2 times" in table and "yes" in table
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    put_into(page, table)
    assert page.read_text() == f"above\n{BEGIN}\n\n{table}\n\n{END}\nbelow\n"
    (tmp_path / "none.md").write_text("nothing\n")
    with pytest.raises(UserError, match=r"none\.md has no lines"):
        put_into(tmp_path / "none.md", table)


def test_machines_that_differ_in_instructions_or_pytorch_alone_have_tables_of_their_own() -> None:
    report = Measuring("metrics").report((FAST,))
    made = report.environment
    older = {**made.versions, "torch": "2.11.0"}
    found = [
        report.model_copy(update={"environment": made.model_copy(update=change)})
        for change in ({"instructions": "AVX2"}, {"instructions": "AVX512"}, {"versions": older})
    ]
    table = speed_table([report, *found, report])
    heads = [line.partition(" (")[0] for line in table.splitlines() if line.startswith("On ")]
    assert len(heads) == len(set(heads)) >= 3 and table.count("| a ") == 5
    assert f"On {made.device_name} with AVX2, PyTorch {made.versions['torch']}" in heads


def test_the_table_of_the_readme_is_made_of_the_stored_reports() -> None:
    between = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert between.strip() == speed_table(reports(ROOT / "results" / "perf"))


def test_stored_reports_name_no_folder_and_no_host() -> None:
    for path in (ROOT / "results" / "perf").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not any(part in text for part in ('"/', "/home", "/tmp", "/work", "/root")), path


def test_the_command_says_where_there_are_no_reports(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "table")
    assert done.exit_code == 2 and "No reports under" in done.output and "--out" in done.output
