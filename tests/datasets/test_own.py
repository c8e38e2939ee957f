"""A data set of one's own: a YAML file and a CSV, COCO or VOC tree."""

import gzip
import os
import re
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from bench.datasets.locate import dataset_info
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from bench.methods.catalog import ALL
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from trees import write_own_csv, write_voc


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_own_csv(tmp_path / "own")


def table(own: Path, text: str) -> Path:
    (own.parent / "labels.csv").write_text(dedent(text), encoding="utf-8")
    return own


def rows(dataset: DataSet) -> dict[str, set[str]]:
    names = np.array(dataset.info.classes)
    return {
        image: set(names[row == 1].tolist())
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


def test_a_csv_becomes_a_data_set(own: Path) -> None:
    dataset = open_dataset(str(own))
    assert dataset.info.classes == ("even", "low", "odd"), "alphabetical where the file does not say"
    assert (len(dataset.train), dataset.eval.ids) == (8, ("2.jpg", "5.jpg", "8.jpg", "11.jpg"))
    assert rows(dataset)["1.jpg"] == {"odd", "low"} and rows(dataset)["8.jpg"] == {"even"}


def test_columns_separator_class_order_and_place_can_be_said(own: Path) -> None:
    text = 'file,tags,part\n"1.jpg","low; odd",a\n3.jpg,odd,a\n2.jpg,,b\n4.jpg,even,b\n5.jpg,odd,c\n'
    with gzip.open(own.parent / "table.csv.gz", "wt", encoding="utf-8-sig") as file:
        file.write(text)
    (own.parent / "names.txt").write_text("odd\neven\nlow\nnever\n")
    elsewhere = own.parents[1] / "descriptions" / "mine.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(
        "name: mine\nroot: ../own\nclasses: names.txt\nsplits: {train: a, eval: b}\n"
        "csv: {file: table.csv.gz, images: photos, image: file, labels: tags, split: part, separator: ;}\n"
    )
    dataset = open_dataset(str(elsewhere))
    assert dataset.info.classes == ("odd", "even", "low", "never")
    assert rows(dataset) == {"1.jpg": {"low", "odd"}, "3.jpg": {"odd"}, "2.jpg": set(), "4.jpg": {"even"}}


def test_splits_are_made_in_equal_proportions_and_from_the_seed(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own", images=40, split=False)
    dataset = open_dataset(str(own))
    assert not set(dataset.train.ids) & set(dataset.eval.ids)
    assert len(dataset.train) + len(dataset.eval) == 40 and abs(len(dataset.train) - 20) <= 2
    of_train, of_eval = ((index.labels == 1).sum(axis=0) for index in (dataset.train, dataset.eval))
    assert (abs(of_train - of_eval) <= 2).all(), "odd, even and low are on both sides alike"
    assert open_dataset(str(own)).train.ids == dataset.train.ids
    own.write_text(own.read_text().replace("0.5", "0.5, seed: 1"))
    assert open_dataset(str(own)).train.ids != dataset.train.ids


def test_a_voc_tree_becomes_a_data_set(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=6, test=4)
    mine = devkit / "mine.yaml"
    mine.write_text("name: mine\nvoc: {}\nsplits: {train: trainval, eval: test}\n")
    dataset = open_dataset(str(mine))
    assert (len(dataset.train), len(dataset.eval)) == (6, 4)
    assert list(dataset.info.classes) == sorted(dataset.info.classes) and "person" in dataset.info.classes
    assert (dataset.train.labels == 0).any(), "difficult labels stay difficult"


@pytest.mark.parametrize("splits", ["{train: trainval, eval: test}", "{train: 0.5}"])
def test_odd_annotations_are_listed_and_can_be_left_out(splits: str, tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=6, test=4)
    mine = devkit / "mine.yaml"
    mine.write_text(f"name: mine\nvoc: {{}}\nsplits: {splits}\n")
    (devkit / "Annotations" / "000003.xml").write_bytes(b"")
    (devkit / "Annotations" / "000004.xml").write_text("<annotation><object/></annotation>")
    with pytest.raises(UserError, match=r"(?s)2 files of mine cannot be used(?=.*000003.xml).*000004.xml"):
        open_dataset(str(mine))
    checked = bench(tmp_path, None, "data", "check", str(mine), "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and (tmp_path / "bad.txt").read_text() == "000003\n000004\n"
    for skip in (True, tmp_path / "bad.txt"):
        dataset = open_dataset(str(mine), skip_bad=skip)
        assert len(dataset.train) + len(dataset.eval) == 8 and "person" in dataset.info.classes


def test_a_tree_without_a_single_sound_annotation_is_reported(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=3, test=2)
    (devkit / "mine.yaml").write_text("name: mine\nvoc: {}\nsplits: {train: trainval, eval: test}\n")
    for annotation in (devkit / "Annotations").iterdir():
        annotation.write_bytes(b"")
    checked = bench(tmp_path, None, "data", "check", str(devkit / "mine.yaml"))
    assert checked.exit_code == 1 and "5 files cannot be used" in checked.output


def test_the_data_root_of_the_command_line_wins(own: Path, tmp_path: Path) -> None:
    write_own_csv(tmp_path / "larger", images=24)
    assert len(open_dataset(str(own), tmp_path / "larger").train) == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,tags,split\n0.jpg,odd,train\n",
            "labels.csv has no column 'labels'; its columns are: image, tags",
        ),
        ("", "labels.csv has no column 'image'; its columns are: none"),
        ("image,labels,split\n0.jpg,odd\n", "labels.csv, line 2: 'split' is missing"),
        ("image,labels,split\n,odd,train\n", "labels.csv, line 2: 'image' is missing"),
        (
            "image,labels,split\n0.jpg,odd,train\n1.jpg,odd,test\n0.jpg,odd,test\n",
            "labels.csv, line 4: image 0.jpg is in line 2 too",
        ),
        (
            "image,labels,split\n0.jpg,odd,train\n",
            "no image of the split 'test'; the splits there are: train",
        ),
        ("image,labels,split\n", "labels.csv has a header and no rows"),
        ('image,labels,split\n0.jpg,"odd,train\n', "labels.csv cannot be read as CSV"),
        (
            "image,split,labels\n0.jpg,train,odd\n1.jpg,train,odd,low\n2.jpg,test,even\n",
            "labels.csv, line 3: there are 4 cells, but the header names 3 columns",
        ),
        (
            "image,split,labels,\n0.jpg,train,odd,\n1.jpg,train,odd,low\n",
            "labels.csv, line 3: there are 4 cells, but the header names 3 columns",
        ),
        ("image,labels,split,labels\n0.jpg,odd,train,low\n", "labels.csv has 2 columns 'labels'"),
        (
            'image,split,labels\n"0.jpg",train,"odd\n"\n1.jpg,train,odd,,low\n',
            "labels.csv, line 4: there are 5 cells, but the header names 3 columns",
        ),
    ],
)
def test_a_bad_table_is_named_with_its_line(text: str, message: str, own: Path) -> None:
    with pytest.raises(UserError, match=message):
        open_dataset(str(table(own, text)))


def test_empty_cells_behind_a_row_are_passed_over(own: Path) -> None:
    text = (own.parent / "labels.csv").read_text().replace(",train\n", ",train,, \n")
    assert rows(open_dataset(str(table(own, text))))["1.jpg"] == {"odd", "low"}


@pytest.mark.parametrize("split", [True, False])
def test_images_without_any_label_are_refused_before_anything_is_trained(split: bool, tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own", split=split)
    text = (own.parent / "labels.csv").read_text()
    (own.parent / "labels.csv").write_text(re.sub(r"jpg,[a-z|]+", "jpg,", text))
    message = f"None of the images of own in {own.parent} has a label, so there is no class to train on"
    for command in (("data", "check"), ("data", "prepare"), ("run", *TINY, "--dry-run", "--data")):
        done = bench(tmp_path, None, *command, str(own))
        assert done.exit_code == 2 and message in done.output and "Traceback" not in done.output


def test_a_label_that_the_class_list_does_not_have_is_named(own: Path) -> None:
    own.write_text(own.read_text() + "classes: [even, odd]\n")
    with pytest.raises(UserError, match=r"labels.csv, line 2: the label 'low' is not in the class list"):
        open_dataset(str(own))


def test_a_picture_that_is_missing_is_named_and_can_be_left_out(own: Path, tmp_path: Path) -> None:
    (own.parent / "photos" / "3.jpg").unlink()
    with pytest.raises(UserError, match=r"3.jpg: .*photos/3.jpg: does not exist"):
        open_dataset(str(own))
    checked = bench(tmp_path, None, "data", "check", str(own), "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and (tmp_path / "bad.txt").read_text() == "3.jpg\n"
    assert len(open_dataset(str(own), skip_bad=tmp_path / "bad.txt").train) == 7
    (own.parent / "photos" / "4.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="1 files of own cannot be used"):
        open_dataset(str(own), skip_bad=tmp_path / "bad.txt")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: own\n", "", "'name' is missing"),
        ("name: own", "name: voc2007", "'voc2007' is the name of a data set that is known"),
        ("name: own", "name: a/b", "'name' is 'a/b'"),
        ("csv:", "cvs:", "'cvs' is not a known key, did you mean 'csv'"),
        ("images: photos", "imags: photos", "'csv.imags' is not a known key"),
        ("splits: {", "voc: {}\nsplits: {", "give one of csv, .* and [a-z]+, not csv and voc"),
        ("{train: train, eval: test}", "{train: train}", "name the split to evaluate on as eval"),
        ("{train: train, eval: test}", "{train: 1.5}", "between 0 and 1"),
        (
            "{train: train, eval: test}",
            "{train: 0.5}",
            "give either the column of the split in csv, or split_folder, or a file",
        ),
        ("name: own", "name: own\nclasses: [a, b, a]", "the class 'a' is named more than once"),
        ("name: own", "name: own\nclasses: none.txt", "No list .*none.txt"),
        ("name: own", "name: own\nclasses: pipe.txt", "The list .*pipe.txt is no file; put one there"),
        ("name: own", "name: own\ncounts: {Train: 99}", "counts names 'Train', and the splits are train and"),
        ("name: own", "name: own\ncounts: {train: -5}", "'counts.train'.* greater than or equal to 1"),
        ("name: own", "name: [", "is not YAML"),
        ("images: photos", "images: pictures", "has no folder pictures"),
        ("images: photos", "file: none.csv", "does not hold the data set: looked for none.csv"),
    ],
)
def test_a_mistake_in_the_description_is_named(old: str, new: str, message: str, own: Path) -> None:
    text = own.read_text()
    assert old in text
    own.write_text(text.replace(old, new))
    os.mkfifo(own.parent / "pipe.txt")
    with pytest.raises(UserError, match=message):
        open_dataset(str(own))


def test_a_description_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The data set file .*none.yaml does not exist"):
        dataset_info(str(tmp_path / "none.yaml"))


def finished(folder: Path) -> list[Record]:
    return [record for record in RecordStore(folder / "results").all() if isinstance(record, Record)]


QUICK = (
    *("--backbone", "timm/test_byobnet", "--weights", "none", "--image-size", "64", "--epochs", "1"),
    *("--batch-size", "16", "--device", "cpu"),
)


@pytest.mark.slow
def test_all_methods_run_on_it_and_end_in_a_table(own: Path, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "run", "--methods", "all", "--data", str(own), *QUICK)
    assert done.exit_code == 0, done.output
    assert {record.cell.data for record in finished(tmp_path)} == {"own"}
    assert len(finished(tmp_path)) == len(ALL) + 1
    tables = bench(tmp_path, None, "tables")
    assert tables.exit_code == 0 and "SALGL" in tables.output and "own" in tables.output


COREL5K = """
name: corel5k
title: Corel5K
citation: Duygulu et al., Object Recognition as Machine Translation, ECCV 2002
licence: stock photographs, for research, never to be redistributed
root: {root}
csv: {{images: images, split: split}}
splits: {{train: train, eval: test}}
counts: {{train: 4500, test: 499}}
"""


@pytest.mark.slow
def test_corel5k_is_the_real_trial(shared: Path, tmp_path: Path) -> None:
    described = tmp_path / "corel5k.yaml"
    described.write_text(COREL5K.format(root=shared / "realdata" / "corel5k"))
    checked = bench(tmp_path, None, "data", "check", str(described))
    assert checked.exit_code == 0 and "0 files cannot be used, 0 counts differ" in checked.output
    dataset = open_dataset(str(described))
    occurs = [(index.labels == 1).any(axis=0) for index in (dataset.train, dataset.eval)]
    assert len(dataset.info.classes) == 374
    assert [int(occurs[0].sum()), int(occurs[1].sum()), int((occurs[0] & occurs[1]).sum())] == [371, 263, 260]
    stats = bench(tmp_path, None, "data", "stats", str(described))
    assert "train: 4500 images" in stats.output and "test: 499 images" in stats.output
    few = ("--limit-train", "32", "--limit-eval", "32")
    methods = ("--methods", "resnet,ml-gcn,add-gcn")
    run = bench(tmp_path, None, "run", *methods, "--data", str(described), *QUICK, *few)
    assert run.exit_code == 0, run.output
    tables = bench(tmp_path, None, "tables")
    assert tables.exit_code == 0 and "ADD-GCN" in tables.output


@pytest.mark.parametrize("how", ["nested/my tree", "./nested/my tree", "ABSOLUTE", "../outside"])
def test_any_folder_that_is_a_voc_tree_works(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    made = write_voc(tmp_path / "made", train=8, test=4)
    home = tmp_path / "home"
    target = tmp_path / "outside" if how == "../outside" else home / "nested" / "my tree"
    target.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(exist_ok=True)
    made.rename(target)
    folder = str(target) if how == "ABSOLUTE" else how
    described = home / "own.yaml"
    described.write_text(f"name: own\nvoc: {{folder: '{folder}'}}\nsplits: {{train: trainval, eval: test}}\n")
    assert (len(open_dataset(str(described)).train), len(open_dataset(str(described)).eval)) == (8, 4)
    described.write_text(described.read_text().replace(folder, f"{folder}-gone"))
    with pytest.raises(UserError, match=r"does not hold the data set: looked for .*-gone/ImageSets/Main"):
        open_dataset(str(described))


def test_too_few_pictures_to_draw_splits_from_are_named_where_they_are_bad(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own", images=1, split=False)
    drawn = "A split with 0 images to train on cannot be drawn from 1, some of which are to be evaluated on"
    drawn += ": add images, or have another share of them trained on"
    for command in (("data", "check", str(own)), ("run", "--methods", "resnet", "--data", str(own))):
        assert f"{drawn}.\n" in bench(tmp_path, None, *command).output, (
            "of a sound picture there is no more to say"
        )
    picture = own.parent / "photos" / "0.jpg"
    picture.write_bytes(b"broken")
    found = f"{drawn}; 1 files of own cannot be used:\n  0.jpg: {picture}: cannot be read: no picture"
    for command in (
        ("data", "check", str(own)),
        ("run", "--methods", "resnet", "--data", str(own), "--skip-bad"),
    ):
        assert found in bench(tmp_path, None, *command).output


def test_too_few_sound_annotations_to_draw_splits_from_are_named(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=2, test=1)
    (devkit / "mine.yaml").write_text("name: mine\nvoc: {}\nsplits: {train: 0.5}\n")
    for annotation in sorted((devkit / "Annotations").iterdir())[:2]:
        annotation.write_bytes(b"")
    with pytest.raises(
        UserError, match=r"drawn from 1.*; 2 files of mine cannot be used:\n  000001: .*\n  000002: "
    ):
        open_dataset(str(devkit / "mine.yaml"))
