"""A folder for each class, named by its label or labels."""

import os
import shutil
from pathlib import Path

import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench_command import bench
from own_trees import write_folders
from trees import write_picture


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


class TestFolders(DatasetContract):
    labels = {
        "train/cat/0.jpg": {"cat": 1},
        "val/dog/5.jpg": {"dog": 1},
        "val/cat+dog/8.jpg": {"cat": 1, "dog": 1},
    }

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_folders(folder / "own")), None


class TestFoldersWithMadeSplits(DatasetContract):
    labels = {"cat/0.jpg": {"cat": 1}, "dog/5.jpg": {"dog": 1}, "cat+dog/8.jpg": {"cat": 1, "dog": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_folders(folder / "own", splits=False)), None


def test_check_tells_what_the_names_are_taken_for(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    checked = bench(tmp_path, None, "data", "check", str(own))
    both = "own.yaml: the name of each folder in photos/train and photos/val is "
    assert checked.exit_code == 0 and f"{both}its labels, with '+' between\n" in checked.output
    own.write_text(own.read_text().replace(", separator: +", ""))
    assert f"{both}one label\n" in bench(tmp_path, None, "data", "check", str(own)).output


def test_without_a_separator_the_name_of_a_folder_is_one_label(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    own.write_text(own.read_text().replace(", separator: +", ""))
    assert open_dataset(str(own)).info.classes == ("cat", "cat+dog", "dog")


def test_a_picture_in_two_folders_is_two_images(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own", splits=False)
    shutil.copy(own.parent / "photos" / "cat" / "0.jpg", own.parent / "photos" / "dog" / "0.jpg")
    dataset = open_dataset(str(own))
    ids = {*dataset.train.ids, *dataset.eval.ids}
    assert {"cat/0.jpg", "dog/0.jpg"} <= ids and len(ids) == 13
    assert (dataset.train.labels[:4].sum(axis=1) <= 2).all()


@pytest.mark.parametrize("how", ["photos", "./photos/", "ABSOLUTE", "../own/photos", "."])
def test_the_folder_may_lie_anywhere(how: str, tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    if how == ".":
        own = shutil.move(own, own.parent / "photos" / "own.yaml")
    folder = str(tmp_path / "own" / "photos") if how == "ABSOLUTE" else how
    own.write_text(own.read_text().replace("folder: photos", f"folder: '{folder}'"))
    dataset = open_dataset(str(own))
    assert "train/cat/0.jpg" in dataset.train.ids and "val/cat/2.jpg" in dataset.eval.ids
    assert dataset.info.classes == ("cat", "dog")


def test_a_picture_that_is_added_is_seen(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    before = len(open_dataset(str(own)).train)
    write_picture(own.parent / "photos" / "train" / "dog" / "new.jpg", 90)
    (own.parent / "photos" / "train" / "bird").mkdir()
    write_picture(own.parent / "photos" / "train" / "bird" / "new.jpg", 91)
    dataset = open_dataset(str(own))
    assert len(dataset.train) == before + 2 and dataset.info.classes == ("bird", "cat", "dog")


def test_what_is_no_picture_and_folders_without_any_are_passed_over(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    photos = own.parent / "photos" / "train"
    for name in ("README.md", ".DS_Store", "cat/Thumbs.db", "cat/._0.jpg", "dog/notes.txt"):
        (photos / name).write_bytes(b"x")
    for name in ("empty", "__MACOSX/cat", ".git/objects", "cat/inner"):
        (photos / name).mkdir(parents=True)
    (photos / "__MACOSX" / "cat" / "._0.jpg").write_bytes(b"x")
    dataset = open_dataset(str(own))
    assert dataset.info.classes == ("cat", "dog") and len(dataset.train) == 8


def test_pictures_that_are_not_named_as_such_are_counted_in_a_note(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    train = own.parent / "photos" / "train"
    picture = (train / "cat" / "0.jpg").read_bytes()
    for name in ("cat/1", "cat/2.jpg_large", "dog/photo.jpg!d", "beside"):
        (train / name).write_bytes(picture)
    (train / "dog" / "dead").symlink_to("nowhere")
    for name in ("cat/x.txt", "cat/0.jpg.json", ".hidden", "cat/Thumbs.db", "dog/desktop.ini"):
        (train / name).write_bytes(picture)  # whatever they hold
    for name, content in (
        ("LICENSE", b"BM, P6 and II*"),
        ("report.pdf", b"%PDF-1.4"),
        ("cat/weights.bin", b""),
    ):
        (train / name).write_bytes(content)
    os.mkfifo(train / "cat" / "pipe")
    checked = bench(tmp_path, None, "data", "check", str(own))
    said = (
        "note: own: 5 files do not have the suffix of a picture but hold one or lead nowhere, "
        "'photos/train/beside' for one: rename them, or remove them\n"
    )
    assert checked.exit_code == 0 and said in checked.output, checked.output
    assert said in bench(tmp_path, None, "data", "check", str(own)).output, "of the kept index, too"
    made = bench(tmp_path, None, "new", "dataset", "mine", "--from", "own/photos")
    assert made.exit_code == 0 and said.replace("own: ", "").replace("photos/", "") in made.output
    (train / "beside").unlink()
    assert "note: own: 4 files do" in bench(tmp_path, None, "data", "check", str(own)).output


def test_a_folder_of_such_pictures_alone_is_told_of_too(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    for path in (own.parent / "photos" / "train").rglob("*.jpg"):
        path.rename(path.with_suffix(""))
    with pytest.raises(UserError) as caught:
        open_dataset(str(own))
    assert str(caught.value).endswith(
        "photos/train has no folder with pictures; each class needs one, named by it (8 files do not have "
        "the suffix of a picture but hold one or lead nowhere, 'photos/train/cat/0' for one: rename "
        "them, or remove them)."
    )


def test_a_link_without_suffix_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    write_picture(tmp_path / "9.jpg", 92)
    (own.parent / "photos" / "train" / "cat" / "LICENSE").symlink_to(tmp_path / "9.jpg")
    assert "note: " not in bench(tmp_path, None, "data", "check", str(own)).output


def test_a_pipe_among_the_pictures_is_named(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    os.mkfifo(own.parent / "photos" / "train" / "cat" / "pipe.jpg")
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 1 and "train/cat/pipe.jpg: is no file\n" in checked.output


@pytest.mark.parametrize("name", ["no", "1", "día de campo", "a|b", "seeds", "x" * 200, "-x", "con"])
def test_odd_names_are_classes_like_others(name: str, tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    (own.parent / "photos" / "train" / "cat").rename(own.parent / "photos" / "train" / name)
    assert name in open_dataset(str(own)).info.classes


def test_what_is_wrong_is_named_with_its_folder(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    photos = own.parent / "photos"

    def refused() -> str:
        with pytest.raises(UserError) as caught:
            open_dataset(str(own))
        return str(caught.value)

    text = own.read_text()
    own.write_text(text.replace("{train: train, eval: val}", "{train: 0.5}"))
    assert "photos/train holds folders with pictures" in refused() and "name it in 'splits'" in refused()
    own.write_text(text.replace("eval: val", "eval: test"))
    assert "looked for photos/test; the folder holds own.yaml, photos" in refused()
    own.write_text(text)
    shutil.copy(photos / "train" / "cat" / "0.jpg", photos / "train" / "a.jpg")
    assert "photos/train: a.jpg lies beside the folders of the classes" in refused()
    (photos / "train" / "a.jpg").unlink()
    (photos / "train" / "cat").rename(photos / "train" / "cat+")
    assert "photos/train/cat+ has an empty label beside '+'" in refused()
    (photos / "train" / "cat+").rename(photos / "train" / "cat")
    own.write_text(text + "classes: [cat]\n")
    assert "the label 'dog' is not in the class list" in refused()
    own.write_text(text)
    shutil.rmtree(photos / "val")
    (photos / "val").mkdir()
    assert "photos/val has no folder with pictures" in refused()


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    outside = tmp_path / "outside"
    outside.mkdir()
    write_picture(outside / "9.jpg", 92)
    link = own.parent / "photos" / "train" / "bird"
    for target, place in (
        (outside, link),
        (outside / "9.jpg", own.parent / "photos" / "train" / "cat" / "9.jpg"),
    ):
        place.symlink_to(target)
        with pytest.raises(
            UserError, match=r"leads to .*/outside.*, out of .*own; give a folder that holds both"
        ):
            open_dataset(str(own))
        place.unlink()
    inside = own.parent / "more"
    shutil.copytree(outside, inside)
    link.symlink_to(inside)
    assert "train/bird/9.jpg" in open_dataset(str(own)).train.ids


@pytest.mark.parametrize("name", [b"a\nb", b"\xff", b"\x1b[2J"])
def test_a_name_that_no_list_can_hold_is_refused(name: bytes, tmp_path: Path) -> None:
    own = write_folders(tmp_path / "own")
    try:
        (own.parent / "photos" / "train" / os.fsdecode(name)).mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 2 and "character U+" in checked.output
