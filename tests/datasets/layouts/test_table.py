"""CSV files as people's programs write them: what divides the cells, and where the labels stand."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import DataSet, read_dataset
from bench.errors import UserError
from bench_command import TINY, bench
from trees import write_own_csv, write_picture

ONE_HOT = "image,cat,dog\n0.jpg,1,0\n1.jpg,0,1\n2.jpg,1,1\n3.jpg,0,0\n4.jpg,1,0\n5.jpg,0,1\n6.jpg,1,1\n"
ITS_LABELS: Mapping[str, Mapping[str, int]] = {
    "0.jpg": {"cat": 1},
    "1.jpg": {"dog": 1},
    "2.jpg": {"cat": 1, "dog": 1},
    "3.jpg": {},
    "4.jpg": {"cat": 1},
    "5.jpg": {"dog": 1},
    "6.jpg": {"cat": 1, "dog": 1},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    return tmp_path / "own"


def describe(folder: Path, text: str, csv: str = "", rest: str = "splits: {train: 0.5}") -> str:
    """Write the table and its description; returns the description's path."""
    (folder / "labels.csv").write_bytes(text.encode())
    section = ", ".join(part for part in ("images: photos", csv) if part)
    (folder / "own.yaml").write_text(f"name: own\ncsv: {{{section}}}\n{rest}\n", encoding="utf-8")
    return str(folder / "own.yaml")


def labels(dataset: DataSet) -> dict[str, dict[str, int]]:
    """Of every image that can be used, what is not negative."""
    names = dataset.info.classes
    return {
        image: {names[column]: int(row[column]) for column in np.flatnonzero(row >= 0)}
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


def read(folder: Path, *description: str) -> dict[str, dict[str, int]]:
    return labels(read_dataset(describe(folder, *description)))


def refusal(folder: Path, *description: str) -> str:
    with pytest.raises(UserError) as refused:
        read_dataset(describe(folder, *description))
    return str(refused.value)


class OfAForm(DatasetContract):
    """The contract on a table of another form, with the pictures of the ordinary one."""

    table: str
    csv: str = ""

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_own_csv(folder, images=8)
        return describe(folder, self.table, self.csv), None


class TestSemicolons(OfAForm):
    table = 'image;labels\n0.jpg;a,b\n1.jpg;"b"\n2.jpg;a\n3.jpg;b\n'
    csv = "separator: ','"
    labels = {"0.jpg": {"a": 1, "b": 1}, "1.jpg": {"b": 1}}


class TestOneHot(OfAForm):
    table = ONE_HOT
    csv = "one_hot: true"
    labels = ITS_LABELS


class TestOneHotWithDifficult(OfAForm):
    table = ONE_HOT.replace("0.jpg,1,0", "0.jpg,1,-1")
    csv = "one_hot: [dog, cat], values: {-1: difficult}"
    labels = {**ITS_LABELS, "0.jpg": {"cat": 1, "dog": 0}}


class TestOneHotThatWasFound(OfAForm):
    table = ONE_HOT
    labels = ITS_LABELS


class TestWithoutSuffix(OfAForm):
    table = "image,labels\n0,a\n1,b\n2,a|b\n3,b\n"
    labels = {"0": {"a": 1}, "2": {"a": 1, "b": 1}}


class TestARowPerLabel(OfAForm):
    table = "image,labels\n0.jpg,a\n1.jpg,b\n0.jpg,b\n2.jpg,a\n3.jpg,\n0.jpg,a\n"
    csv = "rows: label"
    labels = {"0.jpg": {"a": 1, "b": 1}, "3.jpg": {}}


@pytest.mark.parametrize(
    ("delimiter", "csv", "called"),
    [
        (",", "", "a comma"),
        (";", "", "a semicolon"),
        ("\t", "", "a tab"),
        (";", "delimiter: ;", "a semicolon"),
        ("\t", "delimiter: tab", "a tab"),
        ("\t", r"delimiter: '\t'", "a tab"),
        ("\t", r'delimiter: "\t"', "a tab"),
        ("|", "delimiter: '|'", "'|'"),
    ],
)
def test_what_stands_between_cells_is_found_or_said(
    delimiter: str, csv: str, called: str, folder: Path
) -> None:
    rows = (
        ("image", "labels", "note"),
        ("0.jpg", '"a|b"', '"x, y; z\tw"'),
        ("1.jpg", "b", ""),
        ('"2.jpg"', "a"),
    )
    name = describe(folder, "".join(f"{delimiter.join(row)}\n" for row in rows), csv)
    dataset = read_dataset(name)
    assert labels(dataset) == {"0.jpg": {"a": 1, "b": 1}, "1.jpg": {"b": 1}, "2.jpg": {"a": 1}}
    checked = bench(folder, None, "data", "check", name)
    assert f"labels.csv: {called} between cells, labels in the column 'labels' with '|'" in checked.output


def test_a_header_of_which_nothing_divides_the_cells_says_what_to_do(folder: Path) -> None:
    assert refusal(folder, "file;tags,labels\n0.jpg;a,b\n").endswith(
        "labels.csv has no column 'image', whether a comma or a semicolon stands between its cells; name the "
        "column of the images as 'image', or what stands there as 'delimiter', in the csv section."
    )
    for header, csv in (("image|labels", ""), ("image labels", ""), ("image,labels", "delimiter: ;")):
        said = refusal(folder, f"{header}\n0.jpg,a\n", csv)
        assert f"no column 'image'; its columns are: {header}; name it as 'image', or what stands" in said
    assert "no column 'image'; its columns are: file, labels; name it as 'image' in the csv section." in (
        refusal(folder, "file;labels\n0.jpg;a\n")
    )


def test_a_row_with_more_cells_than_the_header_is_refused_under_every_delimiter(folder: Path) -> None:
    said = refusal(folder, "image;labels\n0.jpg;a\n1.jpg;a;b\n", "separator: ;")
    assert "line 3: there are 3 cells, but the header names 2 columns; put a cell that holds a semi" in said


def test_marks_line_ends_blank_rows_and_quoted_lines_are_no_matter(folder: Path) -> None:
    rows = ("image, labels ,note", "", '0.jpg,a,"two\r\nlines"', " , ,", "1.jpg,b", "2.jpg,a,x", ",,,,")
    text = "\ufeff\r\n" + "".join(f"{row}\r\n" for row in rows)
    assert read(folder, text) == {"0.jpg": {"a": 1}, "1.jpg": {"b": 1}, "2.jpg": {"a": 1}}
    assert "line 7: 'labels' is missing" in refusal(folder, text.replace("1.jpg,b", "1.jpg"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image\n0.jpg\n", "no column 'labels'; its columns are: image; name it as 'labels', or what stands"),
        ("image,cat\n", "no column 'labels'; its columns are: image, cat; name it as 'labels' in the csv"),
        ("image,cat\n0.jpg,1\n1.jpg,some\n", "or say one_hot: true if every class has a column of 0 and 1."),
        ("image,image,labels\n0.jpg,a,b\n", "has 2 columns 'image'; only one can be read."),
        ('"image\nx",labels\n0.jpg,a\n', r"no column 'image'; its columns are: 'image\nx', labels; name it"),
        ('image,labels\n0.jpg,"a\nb"\n', r"line 3: 'a\nb' has the control character U+000A; take it out."),
        ("", "has no column 'image'; its columns are: none"),
    ],
)
def test_a_table_without_its_columns_is_refused(text: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, text)


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
        ("image,cat\n", "one_hot: true", "has no image of the split 'all'; the splits there are: none"),
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
        ("values: {-1: negative}", "values says what the columns of one_hot hold; give one_hot too"),
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


def test_a_name_without_suffix_finds_a_picture_in_its_folder(folder: Path) -> None:
    photos = folder / "photos"
    (photos / "sub").mkdir()
    for number, name in enumerate(("A1.JPG", "sub/v1.2.png", "whole.jpg", "whole.png", "notes.jpg")):
        write_picture(photos / name, 9 + number)
    (photos / "whole.jpg").rename(photos / "whole")
    (photos / "0.txt").write_text("not a picture")
    text = "image,labels\n0,a\nA1,b\nsub/v1.2,a\nwhole,b\nnone,a\n1.jpg,b\n"
    dataset = read_dataset(describe(folder, text))
    found = {
        image: file
        for index in (dataset.train, dataset.eval)
        for image, file in zip(index.ids, index.files, strict=True)
    }
    expected = {"0": "0.jpg", "A1": "A1.JPG", "sub/v1.2": "sub/v1.2.png", "whole": "whole", "1.jpg": "1.jpg"}
    assert found == {image: f"photos/{file}" for image, file in expected.items()}
    assert [str(problem) for problem in dataset.skipped] == [f"none: {photos / 'none'}: does not exist"]
    write_picture(photos / "none.jpg", 20)
    again = read_dataset(str(folder / "own.yaml"))
    assert again.skipped == () and "none" in labels(again), "a picture that came later is found"


def test_a_name_that_two_pictures_have_is_refused_with_both_and_can_be_left_out(folder: Path) -> None:
    write_picture(folder / "photos" / "0.PNG", 9)
    name = describe(folder, "image,labels\n0,a\n1,b\n2,a\n3,b\n")
    checked = bench(folder, None, "data", "check", name, "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and (folder / "bad.txt").read_text() == "0\n"
    assert "labels.csv: line 2: it may be photos/0.PNG or photos/0.jpg; add its suffix" in checked.output
    assert "1 files cannot be used" in checked.output


@pytest.mark.parametrize("other", ["0", "./0.jpg"])
def test_one_file_under_two_names_is_refused(other: str, folder: Path) -> None:
    said = refusal(folder, f"image,labels\n0.jpg,a\n1.jpg,b\n{other},b\n")
    assert f"line 4: image {other} is the file photos/0.jpg, as 0.jpg of line 2 is" in said


def test_a_name_longer_than_files_have_is_listed(folder: Path) -> None:
    long = ("x" * 300, f"{'x' * 300}/y", f"{'x' * 300}.jpg")
    dataset = read_dataset(describe(folder, "image,labels\n0,a\n1,b\n" + "".join(f"{x},a\n" for x in long)))
    assert sorted(problem.image for problem in dataset.skipped) == sorted(long)


def test_rows_of_an_image_are_joined_where_that_is_said(folder: Path) -> None:
    text = "image,labels,split\n0.jpg,a,x\n1.jpg,b,x\n0.jpg,b|c,x\n2.jpg,a,y\n2.jpg,a,y\n"
    splits = "splits: {train: x, eval: y}"
    found = read(folder, text, "rows: label, split: split", splits)
    assert found == {"0.jpg": {"a": 1, "b": 1, "c": 1}, "1.jpg": {"b": 1}, "2.jpg": {"a": 1}}
    said = refusal(folder, text, "split: split", splits)
    assert "line 4: image 0.jpg is in line 2 too; if a row has one of its labels, say rows: label in" in said
    said = refusal(folder, f"{text}0.jpg,d,y\n", "rows: label, split: split", splits)
    assert "line 7: image 0.jpg is of the split 'y', but of 'x' in line 2; give it the same one" in said
    said = refusal(folder, text, "rows: label, split: split", f"{splits}\nclasses: [a, b]")
    assert "line 4: the label 'c' is not in the class list" in said
    checked = bench(
        folder, None, "data", "check", describe(folder, text, "rows: label, split: split", splits)
    )
    assert "a row per label, those of an image joined" in checked.output


@pytest.mark.parametrize(("character", "escape"), [("\x1b", r"\x1b"), ("\x00", r"\0"), ("\n", r"\n")])
def test_control_characters_in_splits_classes_and_titles_are_refused(
    character: str, escape: str, folder: Path
) -> None:
    code = f"U+{ord(character):04X}; take it out."
    text = f'image,labels,split\n0.jpg,a,x\n1.jpg,b,"x{character}y"\n2.jpg,a,y\n'
    said = refusal(folder, text, "split: split", "splits: {train: x, eval: y}")
    assert f"line {3 + (character == chr(10))}: " in said and said.endswith(code)
    drawn = "splits: {train: 0.5}"
    said = refusal(folder, ONE_HOT, "", f'{drawn}\nclasses: [dog, "c{escape}t"]')
    assert "own.yaml: 'classes.1': " in said and said.endswith(code)
    said = refusal(folder, ONE_HOT, "", f'{drawn}\ntitle: "c{escape}t"')
    assert "own.yaml: 'title': " in said and said.endswith(code)


def test_a_column_of_yes_and_no_read_as_labels_is_noted(folder: Path) -> None:
    notes = read_dataset(describe(folder, ONE_HOT, "labels: cat")).notes()
    assert any("the labels are '0', '1' alone" in note for note in notes)
