"""Tables that hold their pictures: saved data sets of Hugging Face's, and parquet files."""

import json
import math
import os
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from bench_command import bench
from own_trees import (
    NAMES,
    TRAIN,
    VAL,
    hugging_face_table,
    labels_of,
    save_to_disk,
    write_parquet,
    write_saved,
)

pa: Any = pytest.importorskip("pyarrow", reason="the extra 'huggingface' is not installed")
pq: Any = pytest.importorskip("pyarrow.parquet", reason="the extra 'huggingface' is not installed")


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


def labels(dataset: DataSet) -> dict[str, dict[str, int]]:
    return {
        image: {dataset.info.classes[column]: 1 for column in (row == 1).nonzero()[0]}
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


EXPECTED = {
    f"{split}/{row}": labels_of(number)
    for split, numbers in (("train", TRAIN), ("val", VAL))
    for row, number in enumerate(numbers)
}


class TestSaved(DatasetContract):
    labels = EXPECTED

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_saved(folder / "own")), None


class TestParquet(DatasetContract):
    labels = EXPECTED

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_parquet(folder / "own")), None


class TestOneTableWithMadeSplits(DatasetContract):
    labels = {str(number): labels_of(number) for number in range(12)}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_parquet(folder / "own", "names", splits=False)), None


@pytest.mark.parametrize("write", [write_saved, write_parquet])
@pytest.mark.parametrize("kind", ["ids", "names", "one"])
def test_labels_are_numbers_with_names_or_names_or_one(write: Any, kind: str, tmp_path: Path) -> None:
    dataset = open_dataset(str(write(tmp_path / "own", kind)))
    assert dataset.info.classes == (tuple(sorted(NAMES)) if kind == "names" else NAMES)
    first = {image: dict([*found.items(), ("cat", 1)][:1]) for image, found in EXPECTED.items()}
    assert labels(dataset) == (first if kind == "one" else EXPECTED)


HASHES = ("6c8a2d5e3e6b1b2c", "abcdefabcdef0123", "0123456789012345")
SHARDS = ("train-00000-of-00002", "train-00001-of-00002", "val-00000-of-00001")
NAMES_OF_SHARDS: dict[str, tuple[str, ...]] = {
    "a hash behind the number": tuple(f"data/{one}-{of}" for one, of in zip(SHARDS, HASHES, strict=True)),
    "a hash, beside the description": tuple(f"{one}-{of}" for one, of in zip(SHARDS, HASHES, strict=True)),
    "a folder for each split": ("train/0000", "train/0001", "val/0000"),
    "the same in data": ("data/train/0000", "data/train/0001", "data/val/0000"),
    "names of programs": ("train/part-0-a1.snappy", "train/part-1-b2.snappy", "val/part-0-c3.snappy"),
}


@pytest.mark.parametrize("names", NAMES_OF_SHARDS.values(), ids=NAMES_OF_SHARDS)
def test_shards_are_of_the_split_that_their_name_or_folder_tells(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    own = write_parquet(tmp_path / "own")
    for shard, name in zip(SHARDS, names, strict=True):
        place = own.parent / f"{name}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        (own.parent / "data" / f"{shard}.parquet").rename(place)
    (own.parent / "data" / "._train.parquet").write_bytes(b"x")
    assert labels(open_dataset(str(own))) == EXPECTED
    own.unlink()
    made = bench(tmp_path, None, "new", "dataset", "--from", "own")
    assert made.exit_code == 0 and "trained on train, evaluated on val\n" in made.output, made.output
    assert "images: 8 in train, 4 in val" in made.output


def test_files_that_are_missing_or_too_many_are_a_note(tmp_path: Path) -> None:
    own = write_parquet(tmp_path / "own")

    def noted() -> list[str]:
        checked = bench(tmp_path, None, "data", "check", str(own))
        assert checked.exit_code == 0, checked.output
        return [line for line in checked.output.splitlines() if "by their names" in line]

    assert noted() == []
    data = own.parent / "data"
    (data / f"{SHARDS[0]}.parquet").rename(tmp_path / "elsewhere")
    (fewer,) = noted()
    assert fewer == (
        f"note: own: files of train that are there: 1, by their names: 2 ({SHARDS[1]}.parquet for one): copy "
        "those that are missing, or remove those of another version"
    )
    (tmp_path / "elsewhere").rename(data / f"{SHARDS[0]}.parquet")
    shutil.copy(data / f"{SHARDS[2]}.parquet", data / f"{SHARDS[2]}-{HASHES[0]}.parquet")
    (more,) = noted()
    assert "own: files of val that are there: 2, by their names: 1 (val-00000-of-00001-6c8" in more


def test_a_hash_is_no_hash_where_it_is_shorter_and_folders_of_other_names_are_no_splits(
    tmp_path: Path,
) -> None:
    own = write_parquet(tmp_path / "own")
    shard = own.parent / "data" / f"{SHARDS[2]}.parquet"
    shard.rename(shard.with_name(f"{SHARDS[2]}-final.parquet"))
    with pytest.raises(UserError, match=r"has no split 'val'; .* are: train, val-00000-of-00001-final"):
        open_dataset(str(own))
    (own.parent / "data").rename(own.parent / "metrics")
    own.unlink()
    made = bench(tmp_path, None, "new", "dataset", "--from", "own")
    assert made.exit_code == 2 and "own is none of what is recognised" in made.output


def test_one_saved_split_is_drawn_from(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "own" / "saved", hugging_face_table(list(range(12))))
    own = tmp_path / "own" / "own.yaml"
    own.write_text("name: own\nhuggingface: {data: saved}\nsplits: {train: 0.5}\n")
    assert labels(open_dataset(str(own))) == {str(number): labels_of(number) for number in range(12)}
    own.write_text(own.read_text().replace("{train: 0.5}", "{train: train, eval: val}"))
    with pytest.raises(UserError, match=r"saved has no split 'train'; .* none, so have them drawn"):
        open_dataset(str(own))


def test_columns_may_have_other_names_and_pictures_be_bytes_alone(tmp_path: Path) -> None:
    own = write_parquet(tmp_path / "own", "names", splits=False)
    path = own.parent / "data" / "birds.parquet"
    table = pq.read_table(path)
    pictures = pa.array([row["bytes"] for row in table["image"].to_pylist()], pa.large_binary())
    tags = table["labels"].cast(pa.large_list(pa.large_string()))
    pq.write_table(pa.table({"id": range(12), "photo": pictures, "tags": tags}), path)
    own.write_text(own.read_text().replace("birds.parquet", "birds.parquet, image: photo, labels: tags"))
    assert labels(open_dataset(str(own)))["3"] == labels_of(3)


@pytest.mark.parametrize("feature", ["List", "Sequence", "LargeList", "older"])
def test_the_names_stand_where_each_release_puts_them(feature: str, tmp_path: Path) -> None:
    table = hugging_face_table(list(range(12)))
    about = json.loads(table.schema.metadata[b"huggingface"])
    inner = about["info"]["features"]["labels"]["feature"]
    about["info"]["features"]["labels"] = (
        [inner] if feature == "older" else {"feature": inner, "_type": feature}
    )
    (tmp_path / "own").mkdir()
    table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(table, tmp_path / "own" / "a.parquet")
    (tmp_path / "own" / "own.yaml").write_text("name: own\nhuggingface: {}\nsplits: {train: 0.5}\n")
    assert open_dataset(str(tmp_path / "own" / "own.yaml")).info.classes == NAMES


def test_tables_are_unpacked_once_and_anew_when_they_change(tmp_path: Path) -> None:
    own = write_saved(tmp_path / "own")
    first = open_dataset(str(own))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / "unpacked").rglob("*")}
    assert open_dataset(str(own)).fingerprint() == first.fingerprint()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / "unpacked").rglob("*")} == kept
    (first.root / "rows.json").write_bytes(b"{")
    assert open_dataset(str(own)).fingerprint() == first.fingerprint()
    cleaned = bench(tmp_path, None, "clean", "unpacked", "--yes")
    assert cleaned.exit_code == 0 and not first.root.exists()
    assert open_dataset(str(own)).fingerprint() == first.fingerprint()
    for path in (own.parent / "saved" / "val").iterdir():
        path.unlink()
    (own.parent / "saved" / "val").rmdir()
    save_to_disk(own.parent / "saved" / "val", hugging_face_table(VAL[:3]))
    assert len(open_dataset(str(own)).eval) == 3
    assert not [path for path in (tmp_path / "work" / "unpacked").iterdir() if path.name.startswith(".")]


def test_check_tells_what_it_understood_and_names_a_bad_picture_by_its_row(tmp_path: Path) -> None:
    own = write_saved(tmp_path / "own")
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 0 and "3 classes (cat, dog, bird)" in checked.output
    assert (
        "own.yaml: the tables in saved (8 rows of train, 4 rows of val) were unpacked into" in checked.output
    )
    table = hugging_face_table(VAL)
    pictures = table["image"].to_pylist()
    pictures[2]["bytes"] = b"no picture"
    broken = table.set_column(0, table.schema.field("image"), pa.array(pictures, table["image"].type))
    (own.parent / "saved" / "val").rename(tmp_path / "before")
    save_to_disk(own.parent / "saved" / "val", broken)
    checked = bench(tmp_path, None, "data", "check", str(own), "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and "cannot be used: val/2: " in checked.output
    assert (tmp_path / "bad.txt").read_text() == "val/2\n"


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write_saved(tmp_path / "own")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = bench(tmp_path, None, "data", "check", str(own))
    assert done.exit_code == 2
    assert done.output.endswith("is read by the package pyarrow: pip install 'mlr-bench[huggingface]'.\n")


def with_labels(values: list[Any], kind: Any = None, **about: Any) -> Any:
    """The table of all pictures with other labels."""
    table = hugging_face_table(list(range(12)))
    filled = pa.array([*values, *[values[-1]] * (12 - len(values))], kind)
    feature = {"feature": {"names": list(NAMES), "_type": "ClassLabel", **about}, "_type": "List"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"labels": feature}}})}
    return pa.table({"image": table["image"], "labels": filled}).replace_schema_metadata(metadata)


NOT_LABELS: dict[str, tuple[Any, str]] = {
    "number beyond the names": (
        lambda: with_labels([[0], [3]]),
        "row 1: 3 in 'labels' is none of the 3 classes",
    ),
    "negative": (lambda: with_labels([[0], [-1]]), "row 1: -1 in 'labels' is none of the 3 classes"),
    "floats": (
        lambda: with_labels([[0.0], [math.nan]]),
        "row 0: 'labels' is or has 0.0, but it takes names or",
    ),
    "nan": (
        lambda: with_labels([[math.nan]]),
        "row 0: 'labels' is or has nan, but it takes names or ClassLabels",
    ),
    "null": (lambda: with_labels([[0], None]), "row 1: 'labels' is or has None"),
    "null in a list": (lambda: with_labels([[0], [1, None]]), "row 1: 'labels' is or has None"),
    "booleans": (lambda: with_labels([[True, False]]), "row 0: 'labels' is or has True"),
    "lists of lists": (lambda: with_labels([[[1]]]), r"row 0: 'labels' is or has \[1\]"),
    "numbers without names": (
        lambda: with_labels([[1]], _type="Value"),
        "the table does not name its numbers",
    ),
    "text beside names": (lambda: with_labels([["cat"]]), "row 0: 'labels' is or has 'cat'"),
    "empty text": (
        lambda: with_labels([["cat"], [" "]], _type="Value"),
        "row 1: 'labels' is ' ', which names no",
    ),
    "control": (lambda: with_labels([["c\x1bat"]], _type="Value"), r"row 0: 'labels': .* character U\+001B"),
    "a 0 or 1 for each class": (
        lambda: with_labels([[0, 1], [0, 1, 1]]),
        r"row 1: 'labels' is \[0, 1, 1\], which has a number several times; save the numbers of its classes",
    ),
    "a 0 or 1 for each of two classes": (
        lambda: with_labels([[0, 1], [1, 0], [1, 0]], names=["cat", "dog"]),
        "birds.parquet: 'labels' has as many numbers in every row as there are classes, and 0 and 1 alone",
    ),
    "a 0 for one class": (
        lambda: with_labels([[0], [0]], names=["cat"]),
        "which may be a 0 or 1 for each cl",
    ),
    "number twice": (lambda: with_labels([[2], [2, 2]]), r"row 1: 'labels' is \[2, 2\], which has a number"),
    "0 and 1 without names": (
        lambda: with_labels([[1, 0, 0]], _type="Value"),
        "the table does not name its numbers; make it a ClassLabel",
    ),
    "names twice": (lambda: with_labels([[0]], names=["a", "a"]), "has no list of names that differ"),
    "names of numbers": (
        lambda: with_labels([[0]], names=[1, 2]),
        "a class of 'labels' is 1, which names no class",
    ),
    "names missing": (lambda: with_labels([[0]], names={"a": 1}), "has no list of names that differ"),
    "names with control": (
        lambda: with_labels([[0]], names=["a\n", "b"]),
        r"has the control character U\+000A",
    ),
}


@pytest.mark.parametrize("rows", [[[0, 1], [1, 0], []], [[0, 1], [1], [0]], [[1, 0], [1, 0], [0]]])
def test_numbers_of_two_classes_are_read_where_a_row_can_be_nothing_else(
    rows: list[list[int]], tmp_path: Path
) -> None:
    own = write_parquet(tmp_path / "own", splits=False)
    pq.write_table(with_labels(rows, names=["cat", "dog"]), own.parent / "data" / "birds.parquet")
    found = labels(open_dataset(str(own)))
    expected = [{("cat", "dog")[number]: 1 for number in row} for row in rows]
    assert [found[str(number)] for number in range(len(rows))] == expected


@pytest.mark.parametrize(("make", "message"), NOT_LABELS.values(), ids=NOT_LABELS)
def test_labels_that_are_none_are_refused_by_row(make: Any, message: str, tmp_path: Path) -> None:
    own = write_parquet(tmp_path / "own", splits=False)
    pq.write_table(make(), own.parent / "data" / "birds.parquet")
    with pytest.raises(UserError, match=message) as refused:
        open_dataset(str(own))
    assert "birds.parquet" in str(refused.value) and "\n" not in str(refused.value)
    assert not any((tmp_path / "work" / "unpacked").iterdir()), "nothing half is left"


def images(values: list[Any], kind: Any = None) -> Any:
    return pa.table({"image": pa.array(values, kind), "labels": [["cat"]] * len(values)})


NOT_PICTURES: dict[str, tuple[Any, str]] = {
    "a file elsewhere": (
        lambda: images([{"bytes": None, "path": "/etc/passwd"}] * 4),
        "row 0: 'image' names the file '/etc/passwd' instead of holding it; save the data set with",
    ),
    "null": (lambda: images([None] * 4, pa.binary()), "row 0: 'image' has no picture"),
    "text": (lambda: images(["/etc/passwd"] * 4), "row 0: 'image' has no picture"),
    "pixels": (lambda: images([[[1, 2], [3, 4]]] * 4), "row 0: 'image' has no picture"),
    "too much": (
        lambda: images([bytes(1 << 23)] * 4, pa.binary()),
        "the pictures have more bytes than tables",
    ),
    "too many": (lambda: images([b"x"] * 5000, pa.binary()), "the pictures have more bytes than tables"),
    "no column": (lambda: pa.table({"x": [1], "y": [2]}), "has no column 'image'; its columns are: x, y"),
    "two columns": (
        lambda: pa.table([[b"x"], [b"y"], ["a"]], ["image", "image", "labels"]),
        "several columns 'image'",
    ),
}


@pytest.mark.parametrize(("make", "message"), NOT_PICTURES.values(), ids=NOT_PICTURES)
def test_pictures_that_are_none_are_refused_by_row(make: Any, message: str, tmp_path: Path) -> None:
    own = tmp_path / "own" / "own.yaml"
    own.parent.mkdir()
    own.write_text("name: own\nhuggingface: {data: a.parquet}\nsplits: {train: 0.5}\n")
    pq.write_table(make(), own.parent / "a.parquet")
    with pytest.raises(UserError, match=message):
        open_dataset(str(own))


class Runs:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-the-file",)


DAMAGE = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "pickle": lambda whole: pickle.dumps(Runs()),
    "noise": lambda whole: bytes(range(256)) * 40,
    "flipped": lambda whole: whole[:200] + bytes(byte ^ 0x55 for byte in whole[200:600]) + whole[600:],
    "longer than it is": lambda whole: whole[:-9],
}


@pytest.mark.parametrize("write", [write_saved, write_parquet])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_table_is_named_and_runs_nothing(
    write: Any, damage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = write(tmp_path / "own")
    path = sorted([*own.parent.rglob("*.arrow"), *own.parent.rglob("*.parquet")])[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=rf"{path.name} is no (arrow|parquet) file that can be read: "):
        open_dataset(str(own))
    assert not (tmp_path / "made-by-the-file").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("dataset_dict.json", '{"splits": ["../../x"]}', "cannot name a file"),
        ("dataset_dict.json", '{"splits": ["test"]}', r"test/state.json cannot be read"),
        ("dataset_dict.json", "{}", "dataset_dict.json is not what save_to_disk writes"),
        ("dataset_dict.json", "[" * 9000, "dataset_dict.json cannot be read"),
        ("train/state.json", '{"_data_files": [{"filename": "../../../x.arrow"}]}', "cannot name a file"),
        ("train/state.json", '{"_data_files": [{"filename": "/etc/passwd"}]}', "cannot name a file"),
        (
            "train/state.json",
            '{"_data_files": [{"filename": "none.arrow"}]}',
            "none.arrow is missing; copy the whole",
        ),
        (
            "train/state.json",
            '{"_data_files": [{"filename": "link.arrow"}]}',
            r"link.arrow leads to .*, out of",
        ),
        ("train/state.json", '{"_data_files": 3}', "state.json is not what save_to_disk writes"),
        (
            "train/state.json",
            '{"_data_files": [{"filename": "a"}], "_indices_data_files": [1]}',
            "picks rows by a file",
        ),
    ],
)
def test_lists_of_files_that_are_wrong_or_lead_out_are_refused(
    file: str, content: str, message: str, tmp_path: Path
) -> None:
    own = write_saved(tmp_path / "own")
    (own.parent / "saved" / file).write_text(content)
    (tmp_path / "outside.arrow").write_bytes(b"x")
    (own.parent / "saved" / "train" / "link.arrow").symlink_to(tmp_path / "outside.arrow")
    with pytest.raises(UserError, match=message):
        open_dataset(str(own))


def test_a_folder_without_tables_says_what_is_there(tmp_path: Path) -> None:
    own = write_saved(tmp_path / "own")
    own.write_text(own.read_text().replace("data: saved", "data: ."))
    with pytest.raises(
        UserError, match=r"looked for dataset_dict.json, .*; the folder holds own.yaml, saved"
    ):
        open_dataset(str(own))
