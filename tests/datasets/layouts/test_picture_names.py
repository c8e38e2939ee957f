"""Pictures that a CSV file names without their suffix."""

from pathlib import Path

import pytest

from bench.datasets.open import read_dataset
from bench_command import bench
from own_tables import TableContract, describe, labels, refusal
from trees import write_own_csv, write_picture


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with eight pictures."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    write_own_csv(tmp_path / "own", images=8)
    return tmp_path / "own"


class TestWithoutSuffix(TableContract):
    table = "image,labels\n0,a\n1,b\n2,a|b\n3,b\n"
    labels = {"0": {"a": 1}, "2": {"a": 1, "b": 1}}


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
    long = ("x" * 300, f"{'x' * 300}/y", f"{'x' * 300}.jpg", f"{'x/' * 3000}y")
    dataset = read_dataset(describe(folder, "image,labels\n0,a\n1,b\n" + "".join(f"{x},a\n" for x in long)))
    assert sorted(problem.image for problem in dataset.skipped) == sorted(long)
