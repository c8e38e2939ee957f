"""Text files of YOLO's layout that no image has."""

import unicodedata
from pathlib import Path

import pytest

from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench_command import bench
from own_trees import write_yolo
from trees import write_picture

LABELS = "1 0.5 0.5 0.1 0.1\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


def add(own: Path, picture: str, text: str, content: str = LABELS) -> None:
    """One more picture to train on, and a text file that may be of another name."""
    write_picture(own.parent / "images" / "train" / picture, seed=sum(picture.encode()))
    (own.parent / "labels" / "train" / text).write_text(content)


def check(tmp_path: Path, own: Path) -> tuple[int, str]:
    done = bench(tmp_path, None, "data", "check", str(own), "--fix-list", "bad.txt")
    return done.exit_code, done.output


NFC, NFD = (unicodedata.normalize(form, "vélo") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("IMG_20.jpg", "img_20.txt"),
        (f"{NFC}.jpg", f"{NFD}.txt"),
        (f"{NFD}.jpg", f"{NFC}.txt"),
        ("p20.jpg", "p20.jpg.txt"),
        ("p20.jpg", "p20.TXT"),
        ("p20.JPG", "P20.png.Txt"),
    ],
)
@pytest.mark.parametrize("splits", ["{train: train, eval: val}", "{train: 0.5}"])
def test_a_text_file_that_is_nearly_named_after_an_image_stops(
    picture: str, text: str, splits: str, tmp_path: Path
) -> None:
    own = write_yolo(tmp_path / "own")
    own.write_text(own.read_text().replace("{train: train, eval: val}", splits))
    add(own, picture, text)
    expected = own.parent / "labels" / "train" / Path(picture).with_suffix(".txt").name
    if expected.exists():
        pytest.skip("this file system takes the names for one")
    code, output = check(tmp_path, own)
    file = f"labels/train/{text}"
    said = f"images/train/{picture}: {expected}: does not exist, but {file!r} does: rename one\n"
    assert code == 1 and f"cannot be used: {said}" in output, output
    assert "is of no image" not in output
    assert (tmp_path / "bad.txt").read_text() == f"images/train/{picture}\n"
    (own.parent / file).rename(expected)
    assert check(tmp_path, own)[0] == 0


def test_text_files_of_no_image_are_a_note(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    for name in ("gone1", "gone2"):
        (own.parent / "labels" / "train" / f"{name}.txt").write_text(LABELS)
    code, output = check(tmp_path, own)
    said = (
        "note: own: 2 text files are of no image, 'labels/train/gone1.txt' for one: name each after its "
        "image, or remove it\n"
    )
    assert code == 0 and said in output, output


def test_what_is_no_label_file_or_of_a_picture_that_a_list_leaves_out_is_not_named(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "train.txt"})
    texts = own.parent / "labels" / "train"
    contents = {
        "classes": "cat\ndog\n",
        "train": "images/train/0.jpg\n",
        "readme": "3 classes\n",
        "empty": "",
        ".hidden": LABELS,
        "counts": "1 2 3\n",
    }
    for name, content in contents.items():
        (texts / f"{name}.txt").write_text(content)
    (texts / "table.csv").write_text(LABELS)
    (texts / "folder.txt").mkdir()
    (tmp_path / "outside.txt").write_text(LABELS)
    (texts / "link.txt").symlink_to(tmp_path / "outside.txt")
    (own.parent / "train.txt").write_text("".join(f"images/train/{number}.jpg\n" for number in (0, 1, 3)))
    code, output = check(tmp_path, own)
    assert code == 0 and "of no image" not in output, output


def test_where_as_many_images_have_none_it_is_a_problem(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    texts = own.parent / "labels" / "train"
    for number in (0, 1, 3, 4):
        (texts / f"{number}.txt").rename(texts / f"frame{number}.txt")
    code, output = check(tmp_path, own)  # 7 has none by itself
    assert code == 0 and "note: own: 4 text files are of no image" in output, output
    (texts / "frame7.txt").write_text(LABELS)
    code, output = check(tmp_path, own)
    assert (
        code == 1
        and (
            f"cannot be used: labels/train/frame0.txt: {texts}/frame0.txt: 5 text files are of no image, "
            "'labels/train/frame0.txt' for one, and 5 of 8 images have none: name each after its image\n"
        )
        in output
    ), output
    assert len(open_dataset(str(own), skip_bad=tmp_path / "bad.txt").train) == 8


def test_a_split_whose_text_files_are_all_misnamed_has_its_labels_all_the_same(
    tmp_path: Path,
) -> None:
    own = write_yolo(tmp_path / "own")
    for text in (own.parent / "labels" / "val").iterdir():
        text.rename(text.with_name(f"{text.stem}.jpg.txt"))
    with pytest.raises(
        UserError, match=r"none of the 4 images of val .*, where 4 text files are of no image"
    ):
        open_dataset(str(own))
    own.write_text(own.read_text().replace("{train: train, eval: val}", "{train: 0.5}"))
    with pytest.raises(UserError, match=r"(?s)4 files of own cannot be used.*2\.jpg.txt' does: rename one"):
        open_dataset(str(own))
