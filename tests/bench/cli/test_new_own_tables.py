"""`bench new dataset --from` on CSV files: nothing of a table is lost or taken for another thing unsaid."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_command import bench
from described_tables import NAMES, animal, described, refused, written
from trees import write_picture


@pytest.mark.parametrize(
    "row",
    [
        lambda number, name: f"{name},{animal(number)}",
        lambda number, name: f"{name};{animal(number)}",
        lambda number, name: f"{name}\t{animal(number)}",
        lambda number, name: f"{number},{name},{animal(number)}",
        lambda number, name: f"{name},{number % 2},1",
        lambda number, name: f"{Path(name).stem},{animal(number)}",
    ],
)
def test_a_first_row_that_names_a_picture_is_no_header(
    row: Callable[[int, str], str], tmp_path: Path
) -> None:
    done = described(tmp_path, "", row)
    refused(done, tmp_path, "pets/labels.csv: its first row, ")
    assert "write a header such as image" in done.output and "labels above it." in done.output


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('"[""{}"", ""cow""]"', '["cat", "cow"]: write the labels alone with | between them, as cat|cow.'),
        ("\"['{}', 'cow']\"", "['cat', 'cow']: write the labels alone with | between them, as cat|cow."),
        ("['{}']", "['cat']: write the labels alone with | between them, as cat."),
        ('"[""{}"", ""man\'s hat""]"', "as cat|man's hat."),
        ("\"{{'{}', 'cow'}}\"", "{'cat', 'cow'}: write the labels alone"),
    ],
)
def test_lists_as_programs_write_them_are_no_labels(cell: str, shown: str, tmp_path: Path) -> None:
    done = described(tmp_path, "image,labels", lambda number, name: f"{name},{cell.format(animal(number))}")
    refused(done, tmp_path, "its column 'labels' has lists in brackets and quotes, such as ")
    assert shown in done.output


@pytest.mark.parametrize(
    ("header", "row", "splits"),
    [
        ("image,labels,phase", "{name},{animal},{split}", {"train": "train", "eval": "test"}),
        ("image,animal,data_split", "{name},{animal},{split}", {"train": "train", "eval": "test"}),
        ("image,cat,dog,phase", "{name},1,{yes},{split}ing", {"train": "training", "eval": "testing"}),
        ("image,fold,labels,phase", "{name},{number},{animal},{split}", {"train": "train", "eval": "test"}),
        ("image,labels,is_train", "{name},{animal},{yes}", {"train": "1", "eval": "0"}),
        ("image,labels,Is_Train", "{name},{animal},{true}", {"train": "True", "eval": "False"}),
        ("image,labels,is_test", "{name},{animal},{yes}", {"train": "0", "eval": "1"}),
        ("image,labels,validation", "{name},{animal},{true}", {"train": "False", "eval": "True"}),
    ],
)
def test_a_column_that_says_splits_in_its_cells_is_taken(
    header: str, row: str, splits: dict[str, str], tmp_path: Path
) -> None:
    def line(number: int, name: str) -> str:
        yes = number % 2
        return row.format(
            number=number,
            name=name,
            animal=animal(number),
            split="train" if yes else "test",
            yes=yes,
            true=bool(yes),
        )

    found = written(described(tmp_path, header, line), tmp_path)
    last = header.rpartition(",")[2]
    assert found["splits"] == splits and found["csv"]["split"] == last


@pytest.mark.parametrize(
    ("header", "cells"),
    [("image,labels,score", "1"), ("image,labels,test", "0.7"), ("image,labels,note", "train")],
)
def test_a_column_that_says_no_splits_is_left_alone(header: str, cells: str, tmp_path: Path) -> None:
    done = described(tmp_path, header, lambda number, name: f"{name},{animal(number)},{cells}")
    assert written(done, tmp_path)["splits"] == {"train": 0.8, "seed": 0}


@pytest.mark.parametrize(("header", "cells"), [("phase,stage", "train,test"), ("is_train,is_test", "1,0")])
def test_two_columns_that_may_say_the_splits_are_named(header: str, cells: str, tmp_path: Path) -> None:
    other = ",".join(reversed(cells.split(",")))
    done = described(
        tmp_path,
        f"image,labels,{header}",
        lambda number, name: f"{name},{animal(number)},{(cells, other)[number % 2]}",
    )
    first, second = header.split(",")
    refused(done, tmp_path, f"Which column says the splits cannot be told of pets/labels.csv: '{first}' and")
    assert f"'{second}' may; call one of them 'split'" in done.output


def test_a_column_of_yes_and_nothing_says_no_split(tmp_path: Path) -> None:
    done = described(
        tmp_path, "image,labels,is_val", lambda number, name: f"{name},{animal(number)},{'1' * (number % 2)}"
    )
    refused(done, tmp_path, "its column 'is_val' has 1 and empty cells; write 0 into these.")


@pytest.mark.parametrize("before", ["", "pictures/"])
def test_folders_called_as_splits_in_the_names_of_pictures_are_the_splits(
    before: str, tmp_path: Path
) -> None:
    places = [f"{before}test", f"{before}train"]
    done = described(
        tmp_path, "image,labels", lambda number, name: f"{places[number % 2]}/{name},{animal(number)}", places
    )
    found = written(done, tmp_path)
    assert found["splits"] == {"train": "train", "eval": "test"}
    assert found["csv"]["split_folder"] == (2 if before else 1)
    assert "images: 4 in train, 4 in test" in done.output


def test_a_column_with_a_usual_name_goes_before_one_of_masks(tmp_path: Path) -> None:
    def line(number: int, name: str) -> str:
        return f"masks/{name},photos/{name},{animal(number)}"

    for header in ("mask,image,labels", "mask,file,labels"):
        shutil.rmtree(tmp_path / "pets", ignore_errors=True)
        (tmp_path / "pets.yaml").unlink(missing_ok=True)
        write_masks(tmp_path / "pets" / "masks")
        found = written(described(tmp_path, header, line), tmp_path)
        assert found["csv"]["image"] == header.split(",")[1]
    (tmp_path / "pets.yaml").unlink()
    done = described(tmp_path, "mask,scan,labels", line)
    refused(
        done, tmp_path, "Which column names the pictures cannot be told of pets/labels.csv: 'mask' and 'sc"
    )
    done = described(tmp_path, "scan,again,labels", lambda number, name: f"photos/{name},photos/{name},cat")
    assert written(done, tmp_path)["csv"]["image"] == "scan", "both name the same files"


def write_masks(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        write_picture(folder / name, seed=100 + number)


def test_a_folder_with_a_usual_name_goes_before_others_and_others_are_asked_about(tmp_path: Path) -> None:
    def line(number: int, name: str) -> str:
        return f"{name},{animal(number)}"

    write_masks(tmp_path / "pets" / "masks")
    assert written(described(tmp_path, "image,labels", line), tmp_path)["csv"]["images"] == "photos"
    (tmp_path / "pets.yaml").unlink()
    (tmp_path / "pets" / "photos").rename(tmp_path / "pets" / "scans")
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    refused(done, tmp_path, "Which folder holds the pictures cannot be told of pets/labels.csv: masks and sc")
    assert "write the folder before the names, as masks/00.jpg" in done.output


def beside(folder: Path, other: str, photos: str, copies: int = 8) -> Result:
    """Describe pictures in a folder, with files of the same names in another."""
    (folder / "pets" / other).mkdir(parents=True)
    for number, name in enumerate(NAMES[:copies]):
        write_picture(folder / "pets" / other / name, seed=100 + number)
    return described(folder, "image,labels", lambda number, name: f"{name},{animal(number)}", (photos,))


@pytest.mark.parametrize(
    ("other", "photos", "copies"),
    [
        ("thumbnails", "data/images", 8),
        ("thumbnails", ".", 8),
        ("data/masks", "Photos", 8),
        ("masks", "img", 1),
    ],
)
def test_the_nearest_folder_is_not_taken_before_one_with_a_usual_name_or_the_table(
    other: str, photos: str, copies: int, tmp_path: Path
) -> None:
    done = beside(tmp_path, other, photos, copies)
    assert written(done, tmp_path)["csv"]["images"] == photos


@pytest.mark.parametrize(
    ("other", "photos", "copies"),
    [("thumbnails", "data/full", 8), ("data/images", "photos", 8), ("images", ".", 8), ("images", "full", 1)],
)
def test_folders_of_which_none_is_meant_alone_are_asked_about(
    other: str, photos: str, copies: int, tmp_path: Path
) -> None:
    done = beside(tmp_path, other, photos, copies)
    refused(done, tmp_path, "Which folder holds the pictures cannot be told of pets/labels.csv: ")
    assert (
        f"{photos} and {other} have some" in done.output or f"{other} and {photos} have some" in done.output
    )


ELSEWHERE = (
    "photos\\{name}",
    "C:\\me\\{name}",
    "/home/me/{name}",
    "https://host.example/x/{name}?size=1",
    "{stem}.JPG",
    "{stem}.png",
    "%30{rest}",
)


@pytest.mark.parametrize(
    ("column", "cell"),
    [("image", "{number}"), *((column, cell) for column in ("image", "picture") for cell in ELSEWHERE)],
)
def test_names_that_find_no_file_are_shown_with_what_is_there(column: str, cell: str, tmp_path: Path) -> None:
    def line(number: int, name: str) -> str:
        named = cell.format(name=name, stem=Path(name).stem, rest=name[1:], number=number)
        return f"{named},{animal(number)}"

    done = described(tmp_path, f"{column},labels", line)
    refused(done, tmp_path, f"pets/labels.csv: its column '{column}' has {line(0, NAMES[0]).split(',')[0]}, ")
    assert ", and no folder in pets has that file, though there is photos/00.jpg: write" in done.output


@pytest.mark.parametrize("column", ["image_name", "ImageName", "img_id", "image_path"])
def test_a_column_that_only_names_images_may_lack_the_suffix(column: str, tmp_path: Path) -> None:
    done = described(
        tmp_path, f"id,{column},tags", lambda number, name: f"{number},{name[:2]},{animal(number)}"
    )
    assert written(done, tmp_path)["csv"] == {
        "file": "labels.csv",
        "images": "photos",
        "image": column,
        "labels": "tags",
    }


@pytest.mark.parametrize("header", ["image_name,file,tags", "img_id,image,tags"])
def test_of_columns_that_only_name_images_one_that_names_none_is_passed_over(
    header: str, tmp_path: Path
) -> None:
    done = described(tmp_path, header, lambda number, name: f"title {number},{name},{animal(number)}")
    assert f"'{header.split(',')[1]}' in photos" in done.output and written(done, tmp_path)


def test_two_columns_that_only_name_images_and_name_others_are_asked_about(tmp_path: Path) -> None:
    done = described(tmp_path, "image_name,image,tags", lambda number, name: f"00,{name[:2]},cat")
    refused(done, tmp_path, "cannot be told of pets/labels.csv: 'image_name' and 'image' name files that are")


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_a_first_line_that_says_what_stands_between_cells_is_obeyed(delimiter: str, tmp_path: Path) -> None:
    done = described(
        tmp_path,
        f"sep={delimiter}\nimage{delimiter}labels",
        lambda number, name: f"{name}{delimiter}{animal(number)}",
    )
    assert "2 classes (cat, dog)" in done.output and written(done, tmp_path)


def test_names_without_any_picture_are_shown(tmp_path: Path) -> None:
    done = described(tmp_path, "image,labels", lambda number, name: f"x{name},cat")
    refused(done, tmp_path, "its column 'image' has x00.jpg, and no folder in pets has that file: write the")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_another_encoding_is_said_with_what_to_do(encoding: str, tmp_path: Path) -> None:
    done = described(tmp_path, "image,labels", lambda number, name: f"{name},caf\u00e9")
    assert done.exit_code == 0
    (tmp_path / "pets.yaml").unlink()
    table = tmp_path / "pets" / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8"), encoding=encoding)
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    refused(done, tmp_path, "pets/labels.csv cannot be read as CSV in UTF-8: ")
    assert done.output.endswith("; save it as UTF-8.\n")


def test_a_table_that_is_passed_over_for_folders_is_named(tmp_path: Path) -> None:
    done = described(
        tmp_path, "image,labels", lambda number, name: f"C:\\{name},cat", ("pets/cat", "pets/dog")
    )
    assert done.exit_code == 0 and "a folder for each class in pets; splits drawn" in done.output
    assert "; not used: pets/labels.csv: its column 'image' has C:\\00.jpg, and no folder" in done.output
