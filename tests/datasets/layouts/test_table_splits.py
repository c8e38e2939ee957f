"""A CSV file for each split."""

from pathlib import Path

import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import read_dataset
from bench.errors import UserError
from bench_command import bench
from own_tables import labels
from trees import write_own_csv, write_picture

TABLES = {
    "train.csv": "image,labels\n0.jpg,a|b\n1.jpg,b\n2.jpg,a\n3.jpg,\n",
    "test.csv": "image;labels\n4.jpg;b\n5.jpg;a\n",
    "more.csv": "image,labels\n6.jpg,c\n",
}
FILES = "{train: train.csv, test: test.csv, more: more.csv}"


def describe(folder: Path, csv: str, tables: dict[str, str] | None = None, rest: str = "") -> str:
    """Write tables and their description; returns its path."""
    for name, text in (TABLES if tables is None else tables).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    rest = rest or "splits: {train: train, eval: test}"
    (folder / "own.yaml").write_text(f"name: own\ncsv: {{{csv}}}\n{rest}\n", encoding="utf-8")
    return str(folder / "own.yaml")


def refusal(folder: Path, csv: str, tables: dict[str, str] | None = None, rest: str = "") -> str:
    with pytest.raises(UserError) as refused:
        read_dataset(describe(folder, csv, tables, rest))
    return str(refused.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures in `photos`, and three of the same names in each split's."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    write_exported(tmp_path / "own")
    return tmp_path / "own"


def write_exported(folder: Path) -> None:
    """Pictures as Roboflow exports them, in a folder for each split."""
    for place, split in enumerate(("train", "valid", "test")):
        (folder / split).mkdir(parents=True, exist_ok=True)
        for number in range(3):
            write_picture(folder / split / f"{number}.jpg", seed=50 + 10 * place + number)


class TestTablesOfSplits(DatasetContract):
    labels = {"0.jpg": {"a": 1, "b": 1}, "3.jpg": {}, "5.jpg": {"a": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_own_csv(folder, images=8)
        return describe(folder, f"file: {FILES}, images: photos"), None


EXPORTED = {
    f"{split}/_classes.csv": "filename, cat, dog\n0.jpg, 1, 0\n1.jpg, 0, 1\n2.jpg, 1, 1\n"
    for split in ("train", "valid", "test")
}
SECTION = (
    "file: {train: train/_classes.csv, test: test/_classes.csv}, images: {train: train, test: test}, "
    "image: filename"
)


class TestTablesInFoldersOfSplits(DatasetContract):
    labels = {"train/0.jpg": {"cat": 1}, "test/0.jpg": {"cat": 1}, "test/2.jpg": {"cat": 1, "dog": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_exported(folder)
        return describe(folder, SECTION, EXPORTED), None


def test_each_table_is_its_split_and_those_that_are_not_used_are_counted(folder: Path) -> None:
    name = describe(folder, f"file: {FILES}, images: photos")
    dataset = read_dataset(name)
    assert dataset.train.ids == ("0.jpg", "1.jpg", "2.jpg", "3.jpg") and dataset.eval.ids == (
        "4.jpg",
        "5.jpg",
    )
    assert dataset.info.classes == ("a", "b", "c"), "of all tables"
    checked = bench(folder, None, "data", "check", name)
    assert checked.exit_code == 0 and "images of splits that are not used: 1 of 'more'" in checked.output
    assert "train.csv: a comma between" in checked.output and "test.csv: a semicolon" in checked.output
    (folder / "test.csv").write_text("image,labels\n4.jpg,a\n")
    assert read_dataset(name).eval.ids == ("4.jpg",), "what was kept is read again"


def test_tables_for_each_split_and_a_column_of_the_split_are_the_same_data(folder: Path) -> None:
    name = describe(folder, "file: {train: train.csv, test: test.csv}, images: photos")
    apart = read_dataset(name)
    rows = "".join(
        f"{line.replace(';', ',')},{split}\n"
        for split in ("train", "test")
        for line in TABLES[f"{split}.csv"].splitlines()[1:]
    )
    whole = read_dataset(
        describe(folder, "images: photos, split: split", {"labels.csv": f"image,labels,split\n{rows}"})
    )
    assert apart.fingerprint() == whole.fingerprint() and labels(apart) == labels(whole)


def test_rows_per_label_and_their_values_are_joined_in_each_table(folder: Path) -> None:
    rows = "image,labels,value\n{0}.jpg,a,1\n{0}.jpg,b,0\n{1}.jpg,b,1\n"
    tables = {"train.csv": rows.format(0, 1), "test.csv": rows.format(2, 3)}
    csv = "file: {train: train.csv, test: test.csv}, images: photos, rows: label"
    name = describe(folder, f"{csv}, value: value", tables)
    assert labels(read_dataset(name)) == {
        "0.jpg": {"a": 1},
        "1.jpg": {"b": 1},
        "2.jpg": {"a": 1},
        "3.jpg": {"b": 1},
    }
    note = "2 of 8 pairs of an image and a label have no row in train.csv and test.csv, and are read as neg"
    assert note in bench(folder, None, "data", "check", name).output
    assert "train.csv: its column 'value' has 0, and may say" in refusal(folder, csv, tables)


def test_an_image_of_two_tables_is_refused_with_both_places(folder: Path) -> None:
    csv = "file: {train: train.csv, test: test.csv}, images: photos"
    for again, said in (
        ("2.jpg", "image 2.jpg is of the split 'test', but of 'train' in "),
        ("2", "image 2 is the file photos/2.jpg, as 2.jpg of "),
    ):
        for form in ("", ", rows: label"):
            found = refusal(folder, csv + form, {**TABLES, "test.csv": f"image,labels\n4.jpg,b\n{again},a\n"})
            assert f"test.csv, line 3: {said}" in found and "train.csv, line 4" in found


def test_tables_of_unlike_classes_are_refused(folder: Path) -> None:
    other = {**EXPORTED, "test/_classes.csv": EXPORTED["test/_classes.csv"].replace("dog", "cow")}
    assert "has no column 'cow' of the class list; its columns are: filename, cat, dog" in refusal(
        folder, SECTION, other
    )


@pytest.mark.parametrize(
    ("csv", "rest", "said"),
    [
        ("file: {train: train.csv}", "", "'csv.file' has no entry for the split 'test', only for: 'train'"),
        (
            f"file: {FILES}, images: {{train: a, test: b}}",
            "",
            "'csv.images' has no entry for the split 'more'",
        ),
        ("images: {train: a, test: b}, split: s", "", "a folder of images for each split takes a file for"),
        (f"file: {FILES}, split: s", "", "split cannot stand beside a file for each split, which says"),
        (f"file: {FILES}, split_folder: 1", "", "split_folder cannot stand beside a file for each split"),
        ("file: {train: a.csv, test: a.csv}", "", "the file 'a.csv' is named for two splits"),
        (f"file: {FILES}", "splits: {train: 0.5}", "or a file for each split, or a share to train on in"),
        ("file: {train: train.csv, test: no.csv}", "", "looked for no.csv; the folder holds "),
        (f"file: {FILES}, images: lost", "", "has no folder lost for the images of train.csv"),
    ],
)
def test_what_cannot_be_is_refused(csv: str, rest: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, csv, rest=rest)


def test_a_table_without_rows_is_named(folder: Path) -> None:
    said = refusal(folder, f"file: {FILES}, images: photos", {**TABLES, "test.csv": "image,labels\n"})
    assert said.endswith("test.csv has a header and no rows: an image takes a row.")
