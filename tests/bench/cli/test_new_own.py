"""`bench new dataset --from`: a data set is recognised by what lies in its folder."""

import json
import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from bench_command import bench
from own_trees import write_folders, write_parquet, write_saved, write_yolo
from trees import write_own_csv, write_picture, write_voc

needs_pyarrow = pytest.mark.skipif(
    find_spec("pyarrow") is None, reason="the extra 'huggingface' is not installed"
)


def write_voc_without_lists(folder: Path) -> None:
    shutil.rmtree(write_voc(folder) / "ImageSets")


def write_xml_beside(folder: Path) -> None:
    """A tree as Roboflow exports VOC: a folder for each split with pictures and XML files."""
    devkit = write_voc(folder / "made")
    for number, picture in enumerate(sorted((devkit / "JPEGImages").iterdir())):
        place = folder / ("valid" if number % 3 == 0 else "train")
        place.mkdir(exist_ok=True)
        picture.rename(place / picture.name)
        (devkit / "Annotations" / f"{picture.stem}.xml").rename(place / f"{picture.stem}.xml")
    shutil.rmtree(folder / "made")


def write_xml_by_split(folder: Path) -> None:
    """A folder for each split, with one of annotations and one of pictures in each."""
    write_xml_beside(folder)
    for file in [*folder.glob("*/*.xml"), *folder.glob("*/*.jpg")]:
        place = file.parent / ("annotations" if file.suffix == ".xml" else "images")
        place.mkdir(exist_ok=True)
        file.rename(place / file.name)


def write_coco(folder: Path, roboflow: bool = False) -> None:
    """Eight pictures by COCO's layout, or by that in which Roboflow exports it."""
    for split in ("train", "valid"):
        pictures = folder / split if roboflow else folder / "images" / split
        pictures.mkdir(parents=True)
        images = [{"id": number, "file_name": f"{number}.jpg"} for number in range(4)]
        for number in range(4):
            write_picture(pictures / f"{number}.jpg", seed=number + 10 * (split == "train"))
        content = {
            "images": [{**image, "file_name": f"{split[0]}{image['id']}.jpg"} for image in images],
            "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in range(4)],
            "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        }
        for number in range(4):
            (pictures / f"{number}.jpg").rename(pictures / f"{split[0]}{number}.jpg")
        file = (
            pictures / "_annotations.coco.json"
            if roboflow
            else folder / "annotations" / f"instances_{split}2017.json"
        )
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
    if not roboflow:
        (folder / "annotations" / "captions_train2017.json").write_text('{"images": [], "annotations": []}')
        (folder / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(content))


def write_numbered_coco(folder: Path) -> None:
    """Two splits whose pictures have the same names, each in a folder of its own."""
    write_coco(folder)
    for file in (folder / "annotations").glob("instances_*"):
        content = json.loads(file.read_text())
        content["images"] = [{**one, "file_name": one["file_name"][1:]} for one in content["images"]]
        file.write_text(json.dumps(content))
    for picture in list((folder / "images").rglob("*.jpg")):
        picture.rename(picture.with_name(picture.name[1:]))


def write_one_coco(folder: Path) -> None:
    write_coco(folder)
    for name in ("instances_valid2017", "captions_train2017", "person_keypoints_train2017"):
        (folder / "annotations" / f"{name}.json").unlink()
    shutil.rmtree(folder / "images" / "valid")


def write_tagged(folder: Path) -> None:
    """A CSV file whose columns have other names, with a third column."""
    write_own_csv(folder, split=False)
    lines = [
        f'photos/{number}.jpg,"a{number % 2}, b",{"valid" if number % 3 else "train"}' for number in range(12)
    ]
    (folder / "labels.csv").write_text("\n".join(["path,Tags,subset", *lines]))


def write_rows(folder: Path, header: str, row: Callable[[int], list[str]]) -> None:
    """Twelve pictures and another table than that of `write_own_csv`."""
    write_own_csv(folder, split=False)
    (folder / "labels.csv").unlink()
    lines = [header, *(line for number in range(12) for line in row(number))]
    (folder / "table.csv").write_text("\n".join(lines))


def write_one_hot(folder: Path) -> None:
    write_rows(folder, "name;cat;dog", lambda n: [f"{n};{n % 2};{n % 3 % 2}"])


def write_row_per_label(folder: Path) -> None:
    write_rows(folder, "file\tlabel", lambda n: [f"{n}.jpg\ta{n % 2}", f"{n}.jpg\tb{n % 3}"])


def write_two_namings(folder: Path) -> None:
    write_rows(folder, "id,file,tag", lambda n: [f"{11 - n},{n}.jpg,a{n % 2}"])


def write_in_parts(folder: Path) -> None:
    """As ChestX-ray14 is given: pictures in several folders, a list for each split, other columns."""
    rows = [f"{n}.jpg,{('No Finding', 'Mass|Edema', 'Mass')[n % 3]},{n % 2},{n}" for n in range(12)]
    write_rows(folder, "Image Index,Finding Labels,Follow-up #,Patient ID", lambda n: [rows[n]])
    for number in range(12):
        place = folder / f"images_{1 + number // 6:03}" / "images"
        place.mkdir(parents=True, exist_ok=True)
        (folder / "photos" / f"{number}.jpg").rename(place / f"{number}.jpg")
    (folder / "train_val_list.txt").write_text("".join(f"{n}.jpg\n" for n in range(8)))
    (folder / "test_list.txt").write_text("".join(f"{n}.jpg\n" for n in range(8, 12)))
    (folder / "README.txt").write_text("train on the first list\n")


def write_by_scene(folder: Path) -> None:
    """As a multi-label version of a set of scenes is given: names without suffix or folder, a column each."""
    write_rows(folder, "IMAGE\\LABEL,cat,dog", lambda n: [f"{n},{n % 2},{n % 3 % 2}"])
    for number in range(12):
        place = folder / "photos" / ("beach", "port")[number % 2]
        place.mkdir(exist_ok=True)
        (folder / "photos" / f"{number}.jpg").rename(place / f"{number}.jpg")


DRAWN = {"train": 0.8, "seed": 0}
COCO: dict[str, object] = {
    "coco": {
        "annotations": {
            "train2017": "annotations/instances_train2017.json",
            "valid2017": "annotations/instances_valid2017.json",
        },
        "images": {"train2017": "images/train", "valid2017": "images/valid"},
    },
    "splits": {"train": "train2017", "eval": "valid2017"},
}
WRITERS: dict[str, tuple[Callable[[Path], object], dict[str, object]]] = {
    "voc": (
        write_voc,
        {"voc": {"folder": "VOCdevkit/VOC2007"}, "splits": {"train": "trainval", "eval": "test"}},
    ),
    "voc without lists": (
        write_voc_without_lists,
        {"voc": {"folder": "VOCdevkit/VOC2007"}, "splits": DRAWN},
    ),
    "xml files beside pictures": (
        write_xml_beside,
        {"voc": {}, "splits": {"train": "train", "eval": "valid"}},
    ),
    "annotations and pictures in a folder for each split": (
        write_xml_by_split,
        {
            "voc": {"annotations": "*/annotations", "images": "*/images"},
            "splits": {"train": "train", "eval": "valid"},
        },
    ),
    "coco": (write_coco, COCO),
    "coco that numbers each split from 0": (write_numbered_coco, COCO),
    "coco of roboflow": (
        lambda folder: write_coco(folder, roboflow=True),
        {
            "coco": {
                "annotations": {
                    "train": "train/_annotations.coco.json",
                    "valid": "valid/_annotations.coco.json",
                },
                "images": {"train": "train", "valid": "valid"},
            },
            "splits": {"train": "train", "eval": "valid"},
        },
    ),
    "one coco": (
        write_one_coco,
        {
            "coco": {"annotations": "annotations/instances_train2017.json", "images": "images/train"},
            "splits": DRAWN,
        },
    ),
    "csv": (
        write_own_csv,
        {
            "csv": {"file": "labels.csv", "images": "photos", "image": "image", "labels": "labels"}
            | {"separator": "|", "split": "split"},
            "splits": {"train": "train", "eval": "test"},
        },
    ),
    "csv with other names": (
        write_tagged,
        {
            "csv": {"file": "labels.csv", "images": ".", "image": "path", "labels": "Tags"}
            | {"separator": ",", "split": "subset"},
            "splits": {"train": "train", "eval": "valid"},
        },
    ),
    "a column per class": (
        write_one_hot,
        {"csv": {"file": "table.csv", "images": "photos", "image": "name", "one_hot": True}, "splits": DRAWN},
    ),
    "a row per label": (
        write_row_per_label,
        {
            "csv": {
                "file": "table.csv",
                "images": "photos",
                "image": "file",
                "labels": "label",
                "rows": "label",
            },
            "splits": DRAWN,
        },
    ),
    "pictures in several folders, and a list for each split": (
        write_in_parts,
        {
            "csv": {
                "file": "table.csv",
                "images": ".",
                "image": "Image Index",
                "nested": True,
                "labels": "Finding Labels",
                "separator": "|",
                "lists": {"train": "train_val_list.txt", "test": "test_list.txt"},
            },
            "splits": {"train": "train", "eval": "test"},
        },
    ),
    "names that lack their folders": (
        write_by_scene,
        {
            "csv": {
                "file": "table.csv",
                "images": "photos",
                "image": "IMAGE\\LABEL",
                "nested": True,
                "one_hot": True,
            },
            "splits": DRAWN,
        },
    ),
    "names with their suffix before others": (
        write_two_namings,
        {"csv": {"file": "table.csv", "images": "photos", "image": "file", "labels": "tag"}, "splits": DRAWN},
    ),
    "yolo": (write_yolo, {"yolo": {"data": "data.yaml"}, "splits": {"train": "train", "eval": "val"}}),
    "folders": (
        write_folders,
        {"folders": {"folder": "photos"}, "splits": {"train": "train", "eval": "val"}},
    ),
    "folders without splits": (
        lambda folder: write_folders(folder, splits=False),
        {"folders": {"folder": "photos"}, "splits": DRAWN},
    ),
    "saved": (
        write_saved,
        {
            "huggingface": {"data": ".", "image": "image", "labels": "labels"},
            "splits": {"train": "train", "eval": "val"},
        },
    ),
    "parquet": (
        write_parquet,
        {
            "huggingface": {"data": ".", "image": "image", "labels": "labels"},
            "splits": {"train": "train", "eval": "val"},
        },
    ),
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=needs_pyarrow if kind in ("saved", "parquet") else ()) for kind in WRITERS],
)
def test_what_is_there_is_described_and_passes_the_check(kind: str, tmp_path: Path) -> None:
    write, expected = WRITERS[kind]
    folder = tmp_path / "My Birds"
    write(folder)
    (folder / "own.yaml").unlink(missing_ok=True)
    source = "My Birds/saved" if kind == "saved" else "My Birds"
    done = bench(tmp_path, None, "new", "dataset", "birds", "--from", source)
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((tmp_path / "birds.yaml").read_text())
    assert written == {"name": "birds", "root": source, **expected}
    assert (
        done.output.startswith("birds.yaml: ") and " classes (" in done.output and "images: " in done.output
    )
    checked = bench(tmp_path, None, "data", "check", "birds.yaml")
    assert checked.exit_code == 0, checked.output


def test_it_is_named_after_its_folder_and_nothing_is_overwritten(tmp_path: Path) -> None:
    write_voc(tmp_path / "data")
    devkit = tmp_path / "data" / "VOCdevkit" / "VOC2007"
    first = bench(tmp_path, None, "new", "dataset", "--from", str(devkit), "--out", "described")
    assert first.exit_code == 0, first.output
    file = tmp_path / "described" / "my-voc2007.yaml"
    assert yaml.safe_load(file.read_text())["root"] == str(devkit)
    file.write_text("mine")
    again = bench(tmp_path, None, "new", "dataset", "--from", str(devkit), "--out", "described")
    assert again.exit_code == 2 and "my-voc2007.yaml exists already" in again.output
    assert file.read_text() == "mine"
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    again = bench(tmp_path, None, "new", "dataset", "--from", str(devkit), "--out", "described")
    assert again.exit_code == 2 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("before", ["images\\train\\", "/home/other/images/", "https://host.example/x/"])
def test_names_of_another_machine_find_their_folder(before: str, tmp_path: Path) -> None:
    write_one_coco(tmp_path / "pets")
    file = tmp_path / "pets" / "annotations" / "instances_train2017.json"
    content = json.loads(file.read_text())
    content["images"] = [{**image, "file_name": before + image["file_name"]} for image in content["images"]]
    file.write_text(json.dumps(content))
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0, done.output
    assert yaml.safe_load((tmp_path / "pets.yaml").read_text())["coco"]["images"] == "images/train"
    assert bench(tmp_path, None, "data", "check", "pets.yaml").exit_code == 0


def test_labels_that_look_odd_are_noted(tmp_path: Path) -> None:
    write_own_csv(tmp_path / "pets", split=False).unlink()
    table = tmp_path / "pets" / "labels.csv"
    table.write_text(table.read_text().replace("odd", "['odd']"))
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0 and "note: the label '['odd']' looks like one with brackets or" in done.output


@pytest.mark.parametrize("column", ["is_val", "Train", "fold", "test_set"])
def test_a_column_of_0_and_1_that_says_a_split_is_asked_about(column: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "pets", f"image,cat,dog,{column}", lambda n: [f"{n}.jpg,{n % 2},1,{n // 6}"])
    (tmp_path / "pets" / "own.yaml").unlink()
    # A column called fold is taken for the split, so this one is found by its table alone.
    (tmp_path / "pets.yaml").write_text(
        "name: pets\nroot: pets\ncsv: {file: table.csv, images: photos}\nsplits: {train: 0.5}\n"
    )
    note = f"the column '{column}' is a class: if it says of which split an image is, name it as 'split'"
    for _ in range(2):  # from the table, and from what was kept of it
        assert f"note: pets: {note}" in bench(tmp_path, None, "data", "check", "pets.yaml").output
    if column != "fold":
        done = bench(tmp_path, None, "new", "dataset", "birds", "--from", "pets")
        assert f"3 classes (cat, dog, {column}); " in done.output and f"note: {note}" in done.output
    listed = (tmp_path / "pets.yaml").read_text().replace("photos", f"photos, one_hot: [cat, dog, {column}]")
    (tmp_path / "pets.yaml").write_text(listed)
    assert "is a class: if" not in bench(tmp_path, None, "data", "check", "pets.yaml").output


def test_of_many_classes_the_first_and_the_last_are_named(tmp_path: Path) -> None:
    names = [f"bird of kind {number}" for number in range(60)]
    write_rows(tmp_path / "pets", ",".join(["image", *names]), lambda n: [f"{n}.jpg{',1' * 60}"])
    done = bench(tmp_path, None, "new", "dataset", "birds", "--from", "pets/table.csv")
    shown = ", ".join(names[:5]) + ", ..., " + ", ".join(names[-5:])
    assert f"60 classes ({shown}); images: " in done.output


def test_beside_the_data_no_root_is_named(tmp_path: Path) -> None:
    write_yolo(tmp_path / "pets").unlink()
    done = bench(tmp_path / "pets", None, "new", "dataset", "--from", ".")
    assert done.exit_code == 0, done.output
    assert "root" not in yaml.safe_load((tmp_path / "pets" / "pets.yaml").read_text())
    assert bench(tmp_path / "pets", None, "data", "check", "pets.yaml").exit_code == 0


def test_a_file_tells_which_of_several_is_meant(tmp_path: Path) -> None:
    write_yolo(tmp_path / "pets").unlink()
    write_own_csv(tmp_path / "pets").unlink()
    both = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert both.exit_code == 2
    assert (
        "pets may be several data sets: labels.csv: " in both.output
        and "; or YOLO's data.yaml" in both.output
    )
    assert not (tmp_path / "pets.yaml").exists()
    for file, section in (("labels.csv", "csv"), ("data.yaml", "yolo")):
        done = bench(tmp_path, None, "new", "dataset", f"my-{section}", "--from", f"pets/{file}")
        assert done.exit_code == 0 and section in yaml.safe_load(
            (tmp_path / f"my-{section}.yaml").read_text()
        )


@needs_pyarrow
def test_a_parquet_file_alone_is_drawn_from(tmp_path: Path) -> None:
    write_parquet(tmp_path / "pets", splits=False)
    done = bench(tmp_path, None, "new", "dataset", "pets", "--from", "pets/data/birds.parquet")
    assert done.exit_code == 0 and "splits drawn, 80% to train on" in done.output


def two_columns(folder: Path) -> None:
    write_own_csv(folder, split=False)
    table = folder / "labels.csv"
    table.write_text(
        table.read_text().replace("labels", "animal", 1).replace("\n", ",x\n").replace(",x", ",plant", 1)
    )


def odd_splits(folder: Path) -> None:
    write_own_csv(folder)
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text().replace(",train\n", ",a\n"))


def no_pictures(folder: Path) -> None:
    write_one_coco(folder)
    shutil.rmtree(folder / "images")


def several_coco(folder: Path) -> None:
    write_coco(folder)
    for number, file in enumerate(sorted((folder / "annotations").glob("instances*"))):
        file.rename(file.with_name(f"instances_part{number}x.json"))


def broken_coco(folder: Path) -> None:
    write_one_coco(folder)
    (folder / "annotations" / "instances_train2017.json").write_bytes(
        b'{"images": [{"file_name": "\\q\xff"}], "annotations": [], "categories": []}'
    )


def splits_alone(folder: Path) -> None:
    for name in ("train", "val"):
        (folder / name).mkdir(parents=True)
        write_picture(folder / name / "1.jpg", seed=len(name))


def odd_folders(folder: Path) -> None:
    write_folders(folder)
    (folder / "photos" / "val").rename(folder / "photos" / "other")


def cells_too_many(folder: Path) -> None:
    write_own_csv(folder, split=False)
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("|low", ",low"))


def damaged_csv(folder: Path) -> None:
    write_own_csv(folder)
    with (folder / "labels.csv").open("a") as file:
        file.write("0.jpg,even,train\n")


def pictures_alone(folder: Path) -> None:
    folder.mkdir()
    write_picture(folder / "1.jpg", 1)


def lists_of_others(folder: Path) -> None:
    lists = write_voc(folder) / "ImageSets" / "Main"
    for path in lists.glob("*.txt"):
        path.write_text("".join(f"other{number}\n" for number in range(4)) if "_" not in path.stem else "")
    (lists / "test.txt").write_text("another\n")


def pictures_without_suffix(folder: Path) -> None:
    write_folders(folder, splits=False)
    for path in folder.rglob("*.jpg"):
        path.rename(path.with_suffix(""))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            pictures_without_suffix,
            "The pictures in pets/photos are not known by their names: 12 files do not have the suffix of a "
            "picture but hold one or lead nowhere, 'photos/cat/0' for one: rename them, or remove them.",
        ),
        (
            lists_of_others,
            "Nothing in pets has a label that can be read: 5 files cannot be used, such as other0",
        ),
        (
            pictures_alone,
            "pets is none of what is recognised: a VOC tree, COCO's JSON, a CSV file that names",
        ),
        (Path.mkdir, "; pets holds nothing."),
        (
            two_columns,
            "Which column holds the labels cannot be told of pets/labels.csv; those beside 'image' are: ",
        ),
        (
            odd_splits,
            "Which split to train on cannot be told of pets/labels.csv: its column 'split' has a, test.",
        ),
        (
            no_pictures,
            "Where its images lie cannot be told of pets/annotations/instances_train2017.json: no folder",
        ),
        (broken_coco, "Where its images lie cannot be told of"),
        (
            several_coco,
            "Which is the training split cannot be told of COCO's files in pets: annotations/",
        ),
        (
            splits_alone,
            "The labels cannot be told of pets: it holds pictures in folders like splits, train, val.",
        ),
        (
            odd_folders,
            "Which split to train on cannot be told of the folders of folders in pets/photos: other, train.",
        ),
        (cells_too_many, "labels.csv, line 2: there are 3 cells, but the header names 2 columns"),
        (damaged_csv, "labels.csv, line 14: image 0.jpg is in line 2 too"),
    ],
)
def test_what_cannot_be_told_or_read_is_said_and_nothing_is_written(
    write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "pets")
    (tmp_path / "pets" / "own.yaml").unlink(missing_ok=True)
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 2 and message in done.output, done.output
    assert done.output.count("\n") == 1 and not (tmp_path / "pets.yaml").exists()


def test_what_only_looks_like_a_data_set_is_passed_over(tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    write_folders(pets, splits=False).unlink()
    (pets / "results.csv").write_text("epoch,loss\n1,0.5\n")
    (pets / "binary.csv").write_bytes(b"\0\xff" * 100)
    (pets / "long.csv").write_text("x" * 200_000)
    (pets / "secrets.csv").write_text("image,labels\n/etc/passwd,a\n../../x,b\n")
    (pets / "empty.json").write_bytes(b"")
    (pets / "package.json").write_text('{"images": 1}')
    (pets / "broken.yaml").write_text("names: [")
    (pets / "other.yaml").write_text("names: [a]\n")
    os.mkfifo(pets / "pipe.csv")
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0 and "a folder for each class in photos" in done.output, done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "none"), "There is no file or folder none."),
        ((), "Give the NAME of a project to begin, or --from"),
        (("../x", "--from", "pets"), "The NAME '../x' cannot name a file"),
        (("Birds", "--from", "pets"), "In Birds.yaml: 'name' is 'Birds'"),
        (("scenes", "--from", "pets"), "In scenes.yaml: 'scenes' is the name of a data set that is known"),
    ],
)
def test_a_mistake_is_named(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    write_yolo(tmp_path / "pets")
    done = bench(tmp_path, None, "new", "dataset", *words)
    assert done.exit_code == 2 and message in done.output
    assert not list(tmp_path.glob("*.yaml"))
