"""Tables beside which lists say the splits, and whose pictures lie in several folders."""

from pathlib import Path

import pytest

from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from bench_command import bench
from trees import write_picture

LISTS = "lists: {train: train.txt, test: test.txt}"


class Birds:
    """Ten pictures in two folders, a table with their labels, and two lists."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for number in range(10):
            place = home / f"part{number // 5}" / "images"
            place.mkdir(parents=True, exist_ok=True)
            write_picture(place / f"{number}.jpg", seed=number)
        self.rows(range(10))
        self.list("train", "0.jpg 1.jpg 2.jpg 3.jpg 4.jpg 5.jpg 6.jpg").list("test", "7.jpg 8.jpg 9.jpg")

    def rows(self, numbers: range) -> None:
        rows = (f"{number}.jpg,{('owl', 'jay')[number % 2]}" for number in numbers)
        (self.home / "labels.csv").write_text("\n".join(["image,labels", *rows]))

    def list(self, split: str, names: str) -> "Birds":
        (self.home / f"{split}.txt").write_text("".join(f"{name}\n" for name in names.split()))
        return self

    def described(self, more: str = LISTS, splits: str = "{train: train, eval: test}") -> str:
        path = self.home / "birds.yaml"
        path.write_text(f"name: birds\ncsv: {{nested: true, {more}}}\nsplits: {splits}\n")
        return str(path)

    def open(self, more: str = LISTS) -> DataSet:
        return open_dataset(self.described(more))


@pytest.fixture
def birds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Birds:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Birds(tmp_path)


@pytest.mark.parametrize("names", ["7.jpg 8.jpg 9.jpg", "7 8 9"])
def test_an_image_is_of_the_split_whose_list_names_it(names: str, birds: Birds) -> None:
    found = birds.list("test", names).open()
    assert found.train.ids == tuple(f"{number}.jpg" for number in range(7))
    assert found.eval.files == tuple(f"part1/images/{number}.jpg" for number in (7, 8, 9))


def test_a_list_that_changed_is_read_again(birds: Birds) -> None:
    assert len(birds.open().eval) == 3
    assert len(birds.list("test", "8.jpg 9.jpg").open().eval) == 2


def test_what_no_list_names_is_counted(birds: Birds) -> None:
    birds.list("test", "8.jpg")
    checked = bench(birds.home, None, "data", "check", birds.described())
    assert checked.exit_code == 0, checked.output
    assert "2 images of labels.csv are in none of the lists, and are not used" in checked.output
    assert (
        "the split by the lists train.txt and test.txt, pictures in . or any folder below" in checked.output
    )


@pytest.mark.parametrize(
    ("split", "names", "said"),
    [
        ("test", "8.jpg 9.jpg 8", "names image 8 2 times; each may stand there once"),
        ("test", "6.jpg 9.jpg", "Image 6 stands in .*test.txt and in train.txt; take it out of one"),
        ("test", "8.jpg 10.jpg", "name 1 images that .*labels.csv has no row of, 10 of 'test' for one"),
        ("train", "", "The list .*train.txt is empty"),
    ],
)
def test_a_list_that_is_wrong_is_refused(split: str, names: str, said: str, birds: Birds) -> None:
    birds.list(split, names)
    with pytest.raises(UserError, match=said):
        birds.open()


def test_a_split_without_a_list_is_named(birds: Birds) -> None:
    with pytest.raises(UserError, match=r"No list .*test.txt"):
        birds.open("lists: {train: train.txt, test: other_test.txt}")
    with pytest.raises(UserError, match=r"'csv.lists' has no entry for the split 'test', only for: 'train'"):
        birds.open("lists: {train: train.txt}")


@pytest.mark.parametrize("beside", ["split: labels", "split_folder: 1"])
def test_lists_stand_beside_nothing_else_that_says_splits(beside: str, birds: Birds) -> None:
    with pytest.raises(UserError, match="cannot stand beside lists: one of them says the splits"):
        birds.open(f"{LISTS}, {beside}")
    with pytest.raises(UserError, match="lists cannot stand beside a file for each split"):
        birds.open(f"{LISTS}, file: {{train: labels.csv, test: other.csv}}")


def test_a_picture_that_lies_in_two_folders_is_asked_about(birds: Birds) -> None:
    birds.open()
    write_picture(birds.home / "part0" / "images" / "8.jpg", seed=80)
    with pytest.raises(UserError, match=r"8.jpg: .*it may be part0/images/8.jpg or part1/images/8.jpg; add"):
        birds.open()
    table = birds.home / "labels.csv"
    table.write_text(table.read_text().replace("8.jpg", "part1/images/8.jpg"))
    birds.list("test", "7.jpg part1/images/8.jpg 9.jpg")
    assert "part1/images/8.jpg" in birds.open().eval.files


def test_a_picture_that_comes_later_is_found(birds: Birds) -> None:
    birds.rows(range(11))
    birds.list("test", "7.jpg 10.jpg")
    with pytest.raises(UserError, match=r"10.jpg: .*/10.jpg: does not exist"):
        birds.open()
    write_picture(birds.home / "part0" / "images" / "10.jpg", seed=10)
    assert "part0/images/10.jpg" in birds.open().eval.files
