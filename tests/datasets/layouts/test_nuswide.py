"""NUS-WIDE: the official lists, unlabelled images, drawn splits, what is refused, and the real label list."""

import csv
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.catalog import DATASETS
from bench.datasets.classes import NUSWIDE_CONCEPTS
from bench.datasets.layout import ALL, NUSWide
from bench.datasets.layouts import nuswide
from bench.datasets.listing import Listing
from bench.datasets.open import open_dataset
from bench.datasets.prepare import prepare_split
from bench.errors import UserError
from published_trees import NUSWIDE_SPLITS, write_lines, write_nuswide

LABELS = "Groundtruth/AllLabels"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_nuswide(tmp_path, pictures=False)


def listed(folder: Path, split: str = "train", keep: bool = False) -> Listing:
    return nuswide.read(folder, NUSWide(keep_unlabelled=keep), split, NUSWIDE_CONCEPTS, None)


def positives(labels: NDArray[np.int8]) -> list[set[str]]:
    return [{NUSWIDE_CONCEPTS[column] for column in np.flatnonzero(row == 1)} for row in labels]


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_official_list_is_read_in_its_order(split: str, folder: Path) -> None:
    whole = listed(folder, split, keep=True)
    assert whole.ids == tuple(NUSWIDE_SPLITS[split])
    assert positives(whole.labels) == [set(names) for names in NUSWIDE_SPLITS[split].values()]
    assert set(np.unique(whole.labels)) == {-1, 1} and whole.labels.dtype == np.int8
    labelled = listed(folder, split)
    assert labelled.ids == tuple(image for image, names in NUSWIDE_SPLITS[split].items() if names)
    assert labelled.labels.tolist() == whole.labels[(whole.labels == 1).any(axis=1)].tolist()


def test_equal_numbers_in_two_folders_are_two_images(folder: Path) -> None:
    found = listed(folder)
    assert {"zoo/0001_2124494179", "actor/0001_2124494179"} < set(found.ids)
    assert found.files[1] == "Flickr/zoo/0001_2124494179.jpg"


def test_without_a_split_every_image_of_the_whole_list_comes(folder: Path) -> None:
    labels = {image: set(names) for images in NUSWIDE_SPLITS.values() for image, names in images.items()}
    whole = listed(folder, ALL, keep=True)
    assert whole.ids == tuple(sorted(labels))
    assert dict(zip(whole.ids, positives(whole.labels), strict=True)) == labels
    assert listed(folder, ALL).ids == tuple(image for image in sorted(labels) if labels[image])


def test_drawn_splits_share_the_labelled_images_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    info = DATASETS["nuswide-70-30"]
    train = prepare_split(info, folder, "train").index
    test = prepare_split(info, folder, "test").index
    assert (len(train), len(test)) == (4, 1)
    assert sorted((*train.ids, *test.ids)) == list(listed(folder, ALL).ids)


def test_the_pictures_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nuswide(tmp_path)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    dataset = open_dataset("nuswide", tmp_path)
    assert (len(dataset.train), len(dataset.eval), dataset.skipped) == (3, 2, ())


def test_the_concepts_may_lie_beside_the_folders_or_be_left_out(folder: Path) -> None:
    assert nuswide.class_names(folder, NUSWide()) == NUSWIDE_CONCEPTS
    (folder / "ConceptsList" / "Concepts81.txt").rename(folder / "Concepts81.txt")
    assert nuswide.class_names(folder, NUSWide()) == NUSWIDE_CONCEPTS
    assert "Concepts81.txt" in listed(folder).sources
    (folder / "Concepts81.txt").unlink()
    assert len(listed(folder).ids) == 3
    with pytest.raises(UserError, match=r"No list .*ConceptsList/Concepts81\.txt"):
        nuswide.class_names(folder, NUSWide())


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        (NUSWIDE_CONCEPTS[:-1], "lists 80 concepts instead of 81"),
        (("animal", "airport", *NUSWIDE_CONCEPTS[2:]), "concept 1 is 'animal' instead of 'airport'"),
    ],
)
def test_other_concepts_are_refused(concepts: tuple[str, ...], message: str, folder: Path) -> None:
    write_lines(folder / "ConceptsList" / "Concepts81.txt", concepts)
    with pytest.raises(UserError, match=rf"Concepts81\.txt.*{message}"):
        listed(folder)


@pytest.mark.parametrize("name", ["nuswide", "NUS-WIDE", "NUSWIDE", "nus_wide"])
def test_the_folder_is_found_by_any_of_its_names(name: str, folder: Path) -> None:
    (folder / "Flickr" / "actor").mkdir()
    named = folder.rename(folder.with_name(name))
    assert nuswide.find(named.parent, NUSWide()) == named
    assert nuswide.find(named, NUSWide()) == named


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (["Flickr"], "nuswide is incomplete: it has no Flickr; unpack"),
        (
            ["Flickr", "ImageList/TestImagelist.txt"],
            "it has no Flickr and no ImageList/TestImagelist.txt; unpack",
        ),
        (["ImageList"], "it has no ImageList/TrainImagelist.txt and no"),
        (["Groundtruth"], "it has no Groundtruth/AllLabels; unpack"),
        (["Groundtruth", "ImageList"], "looked for Groundtruth/AllLabels and .* the folder holds nuswide"),
        ([], "Flickr holds no folders of images; they lie as in actor/0001_2124494179.jpg"),
    ],
)
def test_what_is_missing_of_the_tree_is_named(gone: list[str], message: str, folder: Path) -> None:
    for part in gone:
        path = folder / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=message):
        nuswide.find(folder.parent, NUSWide())


def rewritten(part: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        text = (folder / part).read_text()
        assert change(text) != text
        (folder / part).write_text(change(text))

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            rewritten(f"{LABELS}/Labels_dog.txt", lambda text: text + "0\n"),
            r"Labels_dog\.txt has 8 lines, but ImageList/Imagelist\.txt names 7 images",
        ),
        (
            rewritten(f"{LABELS}/Labels_dog.txt", lambda text: text[:-4]),
            r"Labels_dog\.txt has 5 lines, but ImageList/Imagelist\.txt names 7 images",
        ),
        (
            rewritten(f"{LABELS}/Labels_dog.txt", lambda text: text[:2] + "2" + text[3:]),
            r"Labels_dog\.txt, line 2: '2' is neither 0 nor 1",
        ),
        (
            rewritten(f"{LABELS}/Labels_zebra.txt", lambda text: text[:4] + "-1\n" + text[8:]),
            r"Labels_zebra\.txt, line 3: '-1' is neither 0 nor 1",
        ),
        (
            rewritten(f"{LABELS}/Labels_zebra.txt", lambda text: text.replace("0\n0\n", "00\n", 1)),
            r"Labels_zebra\.txt, line 1: '00' is neither 0 nor 1",
        ),
        (
            lambda folder: (folder / LABELS / "Labels_sky.txt").unlink(),
            r"No .*Labels_sky\.txt; unpack the whole archive of the ground truth",
        ),
        (
            rewritten("ImageList/TrainImagelist.txt", lambda text: text + "zoo\\0099_1.jpg\n"),
            r"TrainImagelist\.txt, line 5: image zoo/0099_1\.jpg is not in ImageList/Imagelist\.txt",
        ),
        (
            rewritten("ImageList/TrainImagelist.txt", lambda text: text + text.splitlines()[1]),
            r"TrainImagelist\.txt names image zoo/0001_2124494179\.jpg 2 times",
        ),
        (
            rewritten("ImageList/Imagelist.txt", lambda text: text + text.splitlines()[0]),
            r"Imagelist\.txt names image actor/0001_2124494179\.jpg 2 times",
        ),
        (
            lambda folder: (folder / "ImageList" / "Imagelist.txt").write_text(""),
            r"Imagelist\.txt is empty",
        ),
    ],
)
def test_a_bad_list_or_label_file_is_named(
    damage: Callable[[Path], object], message: str, folder: Path
) -> None:
    damage(folder)
    with pytest.raises(UserError, match=message):
        listed(folder)


def test_an_unknown_split_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="NUS-WIDE has no split 'val', only train and test"):
        listed(folder, "val")


def test_line_ends_and_spaces_do_not_matter(folder: Path) -> None:
    before = listed(folder).labels.tolist()
    for path in (folder / LABELS).iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b" \r\n").rstrip())
    assert listed(folder).labels.tolist() == before


@pytest.mark.slow
def test_the_whole_real_label_list_makes_the_round_trip(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All 269,648 images, with the real labels of the 209,347 that have any, in the published layout."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    with gzip.open(shared / "realdata" / "labels" / "nuswide_labels.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row["labels"].split("|") for row in csv.DictReader(file)]
    # The list says nothing of folders, unlabelled images or splits: these are made.
    images = {f"made/{number:06d}": row for number, row in enumerate([*rows, *[[]] * (269_648 - len(rows))])}
    folder = write_nuswide(tmp_path, {"train": images, "test": {}}, pictures=False)
    info = DATASETS["nuswide"]
    prepared = prepare_split(info, folder, "train")
    assert (len(prepared.index), int((prepared.index.labels == 1).sum())) == (209_347, 503_848)
    assert positives(prepared.index.labels[:1000]) == [set(row) for row in rows[:1000]]
    again = prepare_split(info, folder, "train")
    assert again.read is False and again.index.fingerprint() == prepared.index.fingerprint()
    for name in ("nuswide-70-30", "nuswide-150k"):
        drawn = DATASETS[name]
        for split, counts in drawn.counts.items():
            assert len(prepare_split(drawn, folder, split).index) == counts.images
