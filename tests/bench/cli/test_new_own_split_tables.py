"""`bench new dataset --from` on CSV files of which each holds a split."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from bench_command import bench
from trees import write_picture


def write(folder: Path, tables: dict[str, tuple[str, str]], header: str = "image,label") -> None:
    """Tables, each with a folder of four pictures, and the labels of these by turns cat and dog.

    Names that are alike in two folders are of different pictures.
    """
    for place, (file, (images, row)) in enumerate(tables.items()):
        (folder / images).mkdir(parents=True, exist_ok=True)
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        lines = [header]
        for number in range(4):
            name = f"{number if images != 'photos' else 4 * place + number}.jpg"
            write_picture(folder / images / name, seed=10 * place + number)
            label = ("cat", "dog")[number % 2]
            lines.append(row.format(name=name, label=label, yes=number % 2, no=1 - number % 2))
        (folder / file).write_text("\n".join(lines), encoding="utf-8")


def described(folder: Path, source: str = "pets") -> tuple[Result, dict[str, Any]]:
    done = bench(folder, None, "new", "dataset", "pets", "--from", source)
    if done.exit_code != 0:
        assert not (folder / "pets.yaml").exists() and done.output.count("\n") == 1
        return done, {}
    checked = bench(folder, None, "data", "check", "pets.yaml")
    assert checked.exit_code == 0, checked.output
    return done, yaml.safe_load((folder / "pets.yaml").read_text())


ROW = "{name},{label}"


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (("train.csv", "test.csv"), ("train", "test")),
        (("train.csv", "val.csv"), ("train", "val")),
        (("Train.csv", "Validation.csv"), ("Train", "Validation")),
        (("labels_train.csv", "labels_dev.csv"), ("train", "dev")),
        (("data/train-2017.csv", "data/valid-2017.csv"), ("train", "valid")),
    ],
)
def test_tables_that_are_called_as_splits_are_one_data_set(
    files: tuple[str, str], splits: tuple[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "pets", dict.fromkeys(files, ("photos", ROW)))
    done, found = described(tmp_path)
    assert found["csv"]["file"] == dict(zip(splits, files, strict=True)), done.output
    assert found["csv"]["images"] == "photos"
    assert found["splits"] == dict(zip(("train", "eval"), splits, strict=True))
    assert f"images: 4 in {splits[0]}, 4 in {splits[1]}" in done.output


@pytest.mark.parametrize("below", ["", "data/"])
@pytest.mark.parametrize(
    ("file", "header", "row"),
    [("_classes.csv", "filename, cat, dog", "{name}, {no}, {yes}"), ("metadata.csv", "file_name,label", ROW)],
)
def test_tables_in_folders_of_splits_are_one_data_set(
    below: str, file: str, header: str, row: str, tmp_path: Path
) -> None:
    splits = ("train", "valid", "test")
    tables = {f"{below}{split}/{file}": (f"{below}{split}", row) for split in splits}
    write(tmp_path / "pets", tables, header)
    done, found = described(tmp_path)
    assert found["csv"]["file"] == {split: f"{below}{split}/{file}" for split in splits}, done.output
    assert found["csv"]["images"] == {split: f"{below}{split}" for split in splits}
    assert found["splits"] == {"train": "train", "eval": "test"}
    assert "trained on train, evaluated on test (there are valid too)" in done.output
    assert (
        "note: pets: images of splits that are not used: 4 of 'valid'"
        in bench(tmp_path, None, "data", "check", "pets.yaml").output
    )


def test_of_folders_with_the_same_names_each_table_has_that_of_its_split(tmp_path: Path) -> None:
    write(tmp_path / "pets", {f"{split}.csv": (f"images/{split}", ROW) for split in ("train", "test")})
    _, found = described(tmp_path)
    assert found["csv"]["images"] == {"train": "images/train", "test": "images/test"}


def test_a_table_that_is_named_goes_alone_and_the_others_are_said(tmp_path: Path) -> None:
    write(tmp_path / "pets", {f"{split}.csv": ("photos", ROW) for split in ("train", "val", "test")})
    done, found = described(tmp_path, "pets/train.csv")
    assert found["csv"]["file"] == "train.csv" and found["splits"] == {"train": 0.8, "seed": 0}
    assert "; not used: test.csv, val.csv\n" in done.output


def test_a_table_without_labels_is_left_out_and_so_is_the_form_of_a_contests_answers(tmp_path: Path) -> None:
    """As a contest gives its data: the labels of the test pictures are not there, or made up."""
    write(tmp_path / "pets", {"train.csv": ("train", ROW)})
    write(tmp_path / "pets", {"test.csv": ("test", "{name}")}, header="image")
    write(tmp_path / "pets", {"sample_submission.csv": ("test", "{name},cat")})
    done, found = described(tmp_path)
    assert (found["csv"]["file"], found["csv"]["images"]) == ("train.csv", "train"), done.output
    assert found["splits"] == {"train": 0.8, "seed": 0} and "; not used: test.csv\n" in done.output
    write(tmp_path / "pets", {"val.csv": ("val", ROW)})
    (tmp_path / "pets.yaml").unlink()
    done, found = described(tmp_path)
    assert found["csv"]["file"] == {"train": "train.csv", "val": "val.csv"}, done.output
    assert "trained on train, evaluated on val; not used: test.csv\n" in done.output


def test_where_no_table_has_labels_it_is_said(tmp_path: Path) -> None:
    write(tmp_path / "pets", {"train.csv": ("train", "{name}"), "test.csv": ("test", "{name}")}, "image")
    done, _ = described(tmp_path)
    assert "holds the labels cannot be told of pets/test.csv; those beside 'image' are: none." in done.output


def test_tables_that_are_no_pair_are_asked_about(tmp_path: Path) -> None:
    write(tmp_path / "pets", {"first.csv": ("photos", ROW), "second.csv": ("photos", ROW)})
    done, _ = described(tmp_path)
    assert "pets may be several data sets: first.csv: " in done.output


@pytest.mark.parametrize("row", ["{name},{label};other", "{name},{yes}"])
def test_tables_that_are_not_alike_are_asked_about(row: str, tmp_path: Path) -> None:
    write(tmp_path / "pets", {"train.csv": ("photos", "{name},{label}|other"), "test.csv": ("photos", row)})
    if "yes" in row:
        table = tmp_path / "pets" / "test.csv"
        table.write_text(table.read_text().replace("image,label", "image,cat"))
    done, _ = described(tmp_path)
    assert "The tables of the splits are not alike: test.csv: 'image' in photos, " in done.output
    assert "train.csv: 'image' in photos, labels in 'label' with '|'" in done.output
