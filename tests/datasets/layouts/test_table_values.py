"""CSV files with a row per label and a column that says whether it holds."""

from pathlib import Path

import pytest

from bench.datasets.open import read_dataset
from bench_command import TINY, bench
from own_tables import ITS_LABELS, ONE_HOT, TableContract, describe, read, refusal
from trees import write_own_csv

VALUE = "rows: label, value: value"


def melted(yes: str = "1", no: str = "0") -> str:
    """The table of `ONE_HOT`, a row for each of its cells."""
    lines = ["image,labels,value"]
    for line in ONE_HOT.splitlines()[1:]:
        image, cat, dog = line.split(",")
        lines += [
            f"{image},{name},{yes if cell == '1' else no}" for name, cell in (("cat", cat), ("dog", dog))
        ]
    return "\n".join(lines)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    return tmp_path / "own"


class TestValues(TableContract):
    table = melted()
    csv = VALUE
    labels = ITS_LABELS


class TestValuesWithDifficult(TableContract):
    table = melted().replace("0.jpg,dog,0", "0.jpg,dog,-1")
    csv = f"{VALUE}, values: {{-1: difficult}}"
    labels = {**ITS_LABELS, "0.jpg": {"cat": 1, "dog": 0}}


@pytest.mark.parametrize(("yes", "no"), [("TRUE", "false"), ("yes", "No"), ("1.0", "0.0"), ("1", "")])
def test_values_mean_what_the_cells_of_one_hot_do(yes: str, no: str, folder: Path) -> None:
    assert read(folder, melted(yes, no), VALUE) == ITS_LABELS


def test_the_same_labels_in_both_forms_are_the_same_data(folder: Path) -> None:
    found = [read_dataset(describe(folder, *form)) for form in ((ONE_HOT, ""), (melted(), VALUE))]
    assert len({dataset.fingerprint() for dataset in found}) == 1


def test_a_label_that_never_holds_is_a_class(folder: Path) -> None:
    name = describe(folder, f"{melted()}\n0.jpg,cow,0\n", VALUE)
    dataset = read_dataset(name)
    assert dataset.info.classes == ("cat", "cow", "dog") and not (dataset.train.labels[:, 1] > -1).any()
    checked = bench(folder, None, "data", "check", name)
    assert "a row per label, those of an image joined, 'value' says whether it holds" in checked.output
    said = "6 of 21 pairs of an image and a label have no row in labels.csv, and are read as negative"
    assert f"note: own: {said}" in checked.output
    assert (
        "pairs of an image"
        not in bench(folder, None, "data", "check", describe(folder, melted(), VALUE)).output
    )


@pytest.mark.parametrize("cell", ["-1", "0.93", "maybe"])
def test_any_other_value_is_refused_with_its_line(cell: str, folder: Path) -> None:
    said = refusal(folder, melted().replace("0.jpg,dog,0", f"0.jpg,dog,{cell}"), VALUE)
    assert f"labels.csv, line 3, column 'value': '{cell}' is none of 1, true, yes" in said
    assert said.endswith(f"in the csv section, as values: {{'{cell}': negative}}.")


def test_a_label_that_holds_and_does_not_is_refused_with_its_line(folder: Path) -> None:
    assert read(folder, f"{melted()}\n0.jpg,dog,0\n", VALUE) == ITS_LABELS
    said = refusal(folder, f"{melted()}\n0.jpg,dog,1\n", VALUE)
    assert "line 16: image 0.jpg has the label 'dog', of which 'value' says something else in an ear" in said


@pytest.mark.parametrize("column", ["value", "Confidence", "is_present", "score"])
@pytest.mark.parametrize(("no", "write"), [("0", ""), ("-1", ""), ("0.25", "write 0 or 1 for it, by ")])
def test_a_column_that_may_say_so_is_not_passed_over(column: str, no: str, write: str, folder: Path) -> None:
    table = melted(no=no).replace("value", column)
    said = refusal(folder, table, "rows: label")
    assert f"labels.csv: its column '{column}' has {no}, and may say whether the label of its row" in said
    assert f": {write}" in said and said.endswith("or say value: '' there if every label holds.")
    both = {"cat": 1, "dog": 1}
    assert read(folder, table, "rows: label, value: ''") == dict.fromkeys(ITS_LABELS, both)
    one = f"image,labels,{column}\n0.jpg,cat,1\n1.jpg,dog,{no}\n"
    assert f"its column '{column}' has {no}, and may" in refusal(folder, one)
    assert len(read(folder, one, "value: ''")) == 2


def test_a_column_of_which_all_hold_or_of_other_words_changes_nothing(folder: Path) -> None:
    for cells in (("1", "1"), ("1.0", ""), ("high", "0")):
        found = read(folder, f"image,labels,score\n0.jpg,a,{cells[0]}\n1.jpg,b,{cells[1]}\n")
        assert found == {"0.jpg": {"a": 1}, "1.jpg": {"b": 1}}


def test_columns_of_yes_and_no_that_are_not_read_are_noted(folder: Path) -> None:
    text = "image,labels,cat,age,dog,empty\n0.jpg,x,1,3,-1,\n1.jpg,y,0,4,,\n2.jpg,x,0,1,yes,\n"
    note = (
        "note: own: columns of 0 and 1 in labels.csv that are not read: cat, dog; list them as 'one_hot' in"
    )
    name = describe(folder, text)
    for _ in range(2):  # from the table, and from what was kept of it
        assert note in bench(folder, None, "data", "check", name).output
    assert note in bench(folder, None, "run", *TINY, "--data", name, "--dry-run").output
    for csv in ("value: ''", "one_hot: [cat], values: {-1: negative}"):
        assert (
            "that are not read"
            not in bench(folder, None, "data", "check", describe(folder, text, csv)).output
        )


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("value: value", "value says whether the label of a row holds; say rows: label too"),
        ("one_hot: true, value: value", "value cannot stand beside one_hot, where columns are the labels"),
        ("rows: label, value: labels", "the column 'labels' is named for two things"),
        (
            "rows: label, values: {-1: negative}",
            "values says what the columns of one_hot or value hold; give",
        ),
        (
            "rows: label, value: holds",
            "has no column 'holds'; its columns are: image, labels, value; name it",
        ),
    ],
)
def test_what_cannot_be_is_refused(csv: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, melted(), csv)


def test_a_row_without_its_value_is_refused(folder: Path) -> None:
    assert "line 16: 'value' is missing." in refusal(folder, f"{melted()}\n7.jpg,cat\n", VALUE)
