"""CSV files with a column for each class."""

from pathlib import Path

import pytest

from bench.datasets.open import read_dataset
from bench_command import TINY, bench
from own_tables import ITS_LABELS, ONE_HOT, TableContract, describe, labels, read, refusal
from trees import write_own_csv


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    return tmp_path / "own"


class TestOneHot(TableContract):
    table = ONE_HOT
    csv = "one_hot: true"
    labels = ITS_LABELS


class TestOneHotWithDifficult(TableContract):
    table = ONE_HOT.replace("0.jpg,1,0", "0.jpg,1,-1")
    csv = "one_hot: [dog, cat], values: {-1: difficult}"
    labels = {**ITS_LABELS, "0.jpg": {"cat": 1, "dog": 0}}


class TestOneHotThatWasFound(TableContract):
    table = ONE_HOT
    labels = ITS_LABELS


def test_cells_of_one_hot_columns_may_be_words_or_decimals_or_empty(folder: Path) -> None:
    words = ("TRUE,", "No,yes", "1.0, 1 ", "0.0,false", "Yes,0", ",1", "true,1.")
    text = "image,cat,dog\n" + "".join(f"{number}.jpg,{cells}\n" for number, cells in enumerate(words))
    assert read(folder, text) == ITS_LABELS == read(folder, text, "one_hot: true")


@pytest.mark.parametrize("cell", ["-1", "-1.0", "maybe", "2", "0.5", "nan"])
def test_any_other_cell_is_refused_until_it_is_said_what_it_means(cell: str, folder: Path) -> None:
    text = ONE_HOT.replace("2.jpg,1,1", f"2.jpg,1,{cell}")
    said = refusal(folder, text, "one_hot: true")
    assert f"labels.csv, line 4, column 'dog': '{cell}' is none of 1, true, yes, 0, false, no and" in said
    assert said.endswith(f"in the csv section, as values: {{'{cell}': negative}}.")
    for meaning, label in (("positive", {"dog": 1}), ("difficult", {"dog": 0}), ("negative", {})):
        found = read(folder, text, f"one_hot: true, values: {{'{cell}': {meaning}}}")
        assert found == {**ITS_LABELS, "2.jpg": {"cat": 1, **label}}


def test_what_is_known_can_mean_something_else(folder: Path) -> None:
    """As in the lists of VOC."""
    text = ONE_HOT.replace("0.jpg,1,0", "0.jpg,1,-1").replace("3.jpg,0,0", "3.jpg,-1.0,")
    found = read(folder, text, "one_hot: true, values: {0: difficult, -1.0: negative, '': difficult}")
    assert found["0.jpg"] == {"cat": 1} and found["3.jpg"] == {"dog": 0}
    assert found["1.jpg"] == {"cat": 0, "dog": 1} and found["4.jpg"] == {"cat": 1, "dog": 0}


def test_minus_one_does_not_hide_the_form_and_is_refused_with_what_to_write(folder: Path) -> None:
    said = refusal(folder, ONE_HOT.replace("0,0", "-1,0"))
    assert "column 'cat': '-1' is none" in said
    assert said.endswith("in the csv section, as one_hot: true and values: {'-1': negative}.")


def test_a_form_that_was_found_is_said_by_check_and_at_the_start_of_a_run(folder: Path) -> None:
    name = describe(folder, ONE_HOT)
    found = "labels.csv: a comma between cells, a column of 0 and 1 for each class (found to be so, as there"
    checked = bench(folder, None, "data", "check", name)
    assert checked.exit_code == 0 and f"{name}: {found}" in checked.output
    assert f"{name}: 2 classes (cat, dog), 1.14 positive labels per image" in checked.output
    assert f"note: own: {found}" in bench(folder, None, "run", *TINY, "--data", name, "--dry-run").output


@pytest.mark.parametrize(
    ("text", "csv"),
    [
        (ONE_HOT, "one_hot: false"),
        (ONE_HOT, "labels: tags"),
        (ONE_HOT, "separator: ;"),
        (ONE_HOT, "rows: label"),
        ("image,cat,note\n0.jpg,1,\n1.jpg,0,\n", ""),
        ("image,cat,width\n0.jpg,1,640\n1.jpg,0,1\n", ""),
    ],
)
def test_other_tables_without_a_column_of_labels_are_not_taken_for_one_hot(
    text: str, csv: str, folder: Path
) -> None:
    assert f"has no column '{'tags' if 'tags' in csv else 'labels'}'" in refusal(folder, text, csv)


def test_listed_columns_alone_are_classes_in_their_order(folder: Path) -> None:
    text = (
        "id,image,age,cat,dog,split\n9,0.jpg,31,1,0,a\n8,1.jpg,32,0,1,a\n7,2.jpg,33,1,1,b\n6,3.jpg,,0,0,c\n"
    )
    splits = "splits: {train: a, eval: b}"
    dataset = read_dataset(describe(folder, text, "one_hot: [dog, cat], split: split", splits))
    assert dataset.info.classes == ("dog", "cat")
    assert labels(dataset) == {image: ITS_LABELS[image] for image in ("0.jpg", "1.jpg", "2.jpg")}
    said = refusal(folder, text, "one_hot: true, split: split", splits)
    assert "line 2, column 'id': '9' is none of" in said


def test_row_numbers_in_front_are_no_class_and_another_column_without_name_is_refused(
    folder: Path,
) -> None:
    numbered = "".join(f"{number},{row}\n" for number, row in enumerate(ONE_HOT.splitlines()))
    assert read(folder, numbered.replace("0,", ",", 1)) == ITS_LABELS
    said = refusal(folder, "image,cat,,dog\n0.jpg,1,0,1\n1.jpg,1,0,1\n")
    assert "the column 3 has no name; name its class" in said


def test_the_class_list_orders_the_columns_and_must_name_just_these(folder: Path) -> None:
    for csv in ("", "one_hot: true", "one_hot: [cat, dog]"):
        rest = "splits: {train: 0.5}\nclasses: [dog, cat]"
        dataset = read_dataset(describe(folder, ONE_HOT, csv, rest))
        assert dataset.info.classes == ("dog", "cat") and labels(dataset) == ITS_LABELS
        said = refusal(folder, ONE_HOT, csv, rest.replace("cat", "cow"))
        assert "labels.csv has no column 'cow' of the class list; its columns are: image, cat, dog." in said
        said = refusal(folder, ONE_HOT, csv, rest.replace(", cat", ""))
        assert "labels.csv: the column 'cat' is not in the class list; take it in, or list" in said


@pytest.mark.parametrize(
    ("text", "csv", "said"),
    [
        ("image\n0.jpg\n", "one_hot: true", "has no column of a class; its columns are: image, and each"),
        ("image,cat\n", "one_hot: true", "labels.csv has a header and no rows"),
        ("image,cat,cat\n0.jpg,1,0\n", "", "has 2 columns 'cat'; only one can be read"),
        ("image,image\n0.jpg,1\n", "one_hot: true", "has 2 columns 'image'; only one can be read"),
        ('image,"c\x1bt"\n0.jpg,1\n', "", r"header: 'c\x1bt' has the control character U+001B"),
        (
            ONE_HOT,
            "one_hot: [cow]",
            "no column 'cow'; its columns are: image, cat, dog; name it as 'one_hot'",
        ),
        (ONE_HOT.replace(",0,0", ",0"), "one_hot: true", "line 5: 'dog' is missing"),
        (f"{ONE_HOT}0.jpg,1,1\n", "", "line 9: image 0.jpg is in line 2 too."),
    ],
)
def test_a_bad_one_hot_table_is_refused(text: str, csv: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, text, csv)


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        (
            "delimiter: ;;",
            "'csv.delimiter' is ';;': give one character that is no quote and no line end, or tab",
        ),
        ("delimiter: '\"'", "'csv.delimiter' is '\"': give one character"),
        ("one_hot: true, labels: tags", "labels cannot stand beside one_hot, where columns are the labels"),
        ("one_hot: [cat], separator: ;", "separator cannot stand beside one_hot"),
        ("one_hot: true, rows: label", "rows cannot stand beside one_hot"),
        ("values: {-1: negative}", "values says what the columns of one_hot or value hold; give one"),
        (
            "one_hot: true, values: {-1: maybe}",
            "'csv.values.-1' is 'maybe': input should be 'positive', 'neg",
        ),
        ("one_hot: true, values: {no: positive}", "put yes, no and numbers in quotes"),
        ("one_hot: []", "one_hot is empty; list the columns of the classes, or say true"),
        (
            "one_hot: [yes]",
            "'csv.one_hot.0' is true: input should be a valid string: put yes, no and numbers",
        ),
        ("one_hot: [cat, image]", "the column 'image' is named for two things"),
        ("one_hot: [cat, cat]", "the column 'cat' is named for two things"),
        ("image: labels", "the column 'labels' is named for two things"),
        ("rows: labels", "'csv.rows' is 'labels': input should be 'image' or 'label', did you mean 'label'?"),
    ],
)
def test_options_that_contradict_each_other_are_refused(csv: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, ONE_HOT, csv)


def test_a_column_of_yes_and_no_read_as_labels_is_noted(folder: Path) -> None:
    notes = read_dataset(describe(folder, ONE_HOT, "labels: cat")).notes()
    assert any("the labels are '0', '1' alone" in note for note in notes)
