"""CSV files as people's programs write them: what divides the cells, and rows per label."""

from pathlib import Path

import pytest

from bench.datasets.open import read_dataset
from bench_command import bench
from own_tables import ONE_HOT, TableContract, describe, labels, read, refusal
from trees import write_own_csv


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    return tmp_path / "own"


class TestSemicolons(TableContract):
    table = 'image;labels\n0.jpg;a,b\n1.jpg;"b"\n2.jpg;a\n3.jpg;b\n'
    csv = "separator: ','"
    labels = {"0.jpg": {"a": 1, "b": 1}, "1.jpg": {"b": 1}}


class TestARowPerLabel(TableContract):
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


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("line", ["sep={}\r\n", '\ufeff"SEP={}"\n'])
def test_a_first_line_that_says_what_stands_between_cells_is_no_header(
    delimiter: str, line: str, folder: Path
) -> None:
    rows = (("image", "labels", "note"), ("0.jpg", "a", "x"), ("1.jpg", "b", "y"))
    text = line.format(delimiter) + "".join(f"{delimiter.join(row)}\n" for row in rows)
    for csv in ("separator: '#'", f"separator: '#', delimiter: {delimiter!r}"):
        assert read(folder, text, csv) == {"0.jpg": {"a": 1}, "1.jpg": {"b": 1}}
    said = refusal(folder, f"{text}2.jpg\n", "separator: '#'")
    assert "labels.csv, line 5: 'labels' is missing" in said, "lines are those of the file"
    assert "has no column 'image'; its columns are: none" in refusal(folder, line.format(delimiter))


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


ROWS = "1.jpg,a\n2.jpg,b\n"
BARE = ROWS.replace(".jpg", "")


@pytest.mark.parametrize(
    ("text", "csv"),
    [
        (f"0.jpg,a\n{ROWS}", ""),
        (f"0.jpg,a\n{ROWS}", "image: 0.jpg, labels: a"),
        (f"photos/0.JPG,a\n{ROWS}", ""),
        ("0.jpg,1,0\n1.jpg,0,1\n", "image: 0.jpg, one_hot: true"),
        (f"0,a\n{BARE}", "image: '0', labels: a"),
        (f"0,a\n{BARE}", ""),
    ],
)
def test_a_first_row_that_names_a_picture_is_no_header(text: str, csv: str, folder: Path) -> None:
    said = refusal(folder, text, csv)
    first = ", ".join(text.splitlines()[0].split(","))
    assert f"labels.csv: its first row, {first}, names a picture, " in said
    assert said.endswith(": write a header such as image,labels above it.")


def test_a_column_that_is_called_as_a_picture_in_its_rows_is_a_header(folder: Path) -> None:
    for cell in ("0", "0.jpg"):
        assert read(folder, f"0,labels\n{cell},a\n{BARE}", "image: '0'")[cell] == {"a": 1}
    (folder / "photos" / "0.jpg").rename(folder / "photos" / "image.jpg")
    assert read(folder, f"image,labels\n{ROWS}3.jpg,a\n")["1.jpg"] == {"a": 1}


def test_a_folder_in_the_names_is_the_split_where_that_is_said(folder: Path) -> None:
    for number, place in enumerate(("x/y", "x/y", "x/z", "w")):
        (folder / "photos" / place).mkdir(parents=True, exist_ok=True)
        (folder / "photos" / f"{number}.jpg").rename(folder / "photos" / place / f"{number}.jpg")
    text = "image,labels\nx/y/0.jpg,a\nx/y/1.jpg,b\nx/z/2.jpg,a\n"
    splits = "splits: {train: y, eval: z}"
    name = describe(folder, text, "split_folder: 2", splits)
    dataset = read_dataset(name)
    assert dataset.train.ids == ("x/y/0.jpg", "x/y/1.jpg") and dataset.eval.ids == ("x/z/2.jpg",)
    assert ", the split in folder 2 of its name" in bench(folder, None, "data", "check", name).output
    said = refusal(folder, f"{text}w/3.jpg,a\n", "split_folder: 2", splits)
    assert "line 5: image w/3.jpg has 1 folders in its name, and number 2 is to be its split" in said
    assert "split cannot stand beside" in refusal(folder, text, "split_folder: 2, split: labels", splits)
    assert "give either the column of the split in csv, or split_folder, or" in refusal(
        folder, text, "", splits
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('image,"labels\n0.jpg,a\n', 1),
        ('"image;labels\n0.jpg;a\n', 1),
        ('image;labels\n0.jpg;a\n\n1.jpg;"b\n2.jpg;a\n', 4),
        ('image,labels\n0.jpg,"a"b\n', 2),
    ],
)
def test_a_quote_that_is_not_closed_is_named_with_its_row(text: str, line: int, folder: Path) -> None:
    said = refusal(folder, text)
    assert "labels.csv cannot be read as CSV in UTF-8: " in said
    assert said.endswith(f"in the row that begins in line {line}.")


def test_the_same_data_in_every_form_is_the_same(folder: Path) -> None:
    forms = (
        ("image,labels\n0.jpg,a|b\n1.jpg,b\n2.jpg,a\n3.jpg,\n", ""),
        ("image;labels\n0.jpg;a, b\n1.jpg;b\n2.jpg;a\n3.jpg;\n", "separator: ','"),
        ("image\ta\tb\n0.jpg\t1\t1\n1.jpg\t0\t1\n2.jpg\t1\t0\n3.jpg\t0\t\n", ""),
        ("b,image,a\nyes,0.jpg,yes\nyes,1.jpg,no\nno,2.jpg,yes\nno,3.jpg,no\n", "one_hot: [a, b]"),
        ("image,labels\n0.jpg,b\n1.jpg,b\n0.jpg,a\n2.jpg,a\n3.jpg,\n", "rows: label"),
    )
    found = [read_dataset(describe(folder, text, csv)) for text, csv in forms]
    assert {dataset.info.classes for dataset in found} == {("a", "b")}
    assert len({dataset.fingerprint() for dataset in found}) == 1


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
