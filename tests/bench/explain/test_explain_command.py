"""`bench explain`: what it prints and writes, with data and models at hand and without; what it refuses."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.explain.looks import data_uri
from bench.metrics.evaluate import evaluate
from bench.records.record import Record
from bench.records.store import SCORES, RecordStore, Scores
from bench_command import bench
from made_records import SCHEDULE, made_cell, made_record, store_made
from trees import write_own_csv

HOSTILE = ("</style><script>hacked=1</script>", '"><img src=x onerror=hacked=1>', "{{ 7 * 7 }} & 'more' |")

# Of the data set that `write_own_csv` makes, when its picture 10 could not be read.
OWN_SIZES = {
    "train_images": 7,
    "train_labels": 11,
    "train_difficult": 0,
    "eval_images": 4,
    "eval_labels": 6,
    "eval_difficult": 0,
    "skipped": ("10.jpg: is not a picture",),
}


class Page(HTMLParser):
    """Reads a page; fails on tags that do not match, and notes its words and what it would load."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.images: list[str] = []
        self.names: list[str] = []
        self.others: list[str] = []
        self.words = ""
        self.feed(self.text)
        self.close()
        assert not self.open
        assert not re.search(r"@import|url\(|<script|<link|<iframe|javascript:", self.text)
        assert self.others == [], "nothing else is loaded or run"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        given = dict(attrs)
        if tag == "img":
            self.images.append(given.pop("src") or "")
            self.names.append(given["alt"] or "")
        self.others += [name for name in given if name in ("src", "srcset", "data") or name.startswith("on")]
        self.others += [given["href"] or ""] if not (given.get("href") or "#").startswith("#") else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.remove(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def explained(folder: Path, *arguments: str, data: Path | None = None) -> str:
    done = bench(folder, data, "explain", *arguments)
    assert done.exit_code == 0, done.output
    return done.output


def refusal(folder: Path, *arguments: str, data: Path | None = None) -> str:
    done = bench(folder, data, "explain", *arguments)
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


METHODS = [made_cell(method, seed) for method in ("resnet", "ml-gcn") for seed in (0, 1)]
ASKED = ("resnet", "ml-gcn", "--data", "voc2007", "--resamples", "100")


def test_scores_alone_give_the_kinds_and_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    store_made(tmp_path / "results", *METHODS)
    printed = explained(tmp_path, *ASKED)
    for line in (
        "ML-GCN against ResNet baseline on voc2007",
        "Without pictures, boxes and training labels: Where is PASCAL VOC 2007? Give --data-root DIR",
        "counted in the test labels.",
        "Written: results/explain/resnet-vs-ml-gcn-voc2007.html",
        "ML-GCN gains most at:",
    ):
        assert line in printed
    assert "Small object" not in printed and "Hallucinated by context" in printed
    page = Page(tmp_path / "results" / "explain" / "resnet-vs-ml-gcn-voc2007.html")
    assert page.images == [] and "No maps: there are no pictures." in page.words
    assert "Without pictures, boxes" in page.words and "Image voc2007-00" in page.words
    assert "the mean of 2 runs" in page.words and "predicted in 1 of 2 runs" in page.words


def test_what_was_measured_on_validation_images_has_a_page_of_its_own(tmp_path: Path) -> None:
    store_made(tmp_path / "results", *METHODS)
    explained(tmp_path, *ASKED)
    validated = [cell.model_copy(update={"split": "validation"}) for cell in METHODS]
    store_made(tmp_path / "results", *validated)
    tested = (tmp_path / "results" / "explain" / "resnet-vs-ml-gcn-voc2007.html").read_bytes()
    names = [",".join(cell.run_id() for cell in validated[start : start + 2]) for start in (0, 2)]
    printed = explained(tmp_path, *names, "--resamples", "100")
    assert "Written: results/explain/resnet-vs-ml-gcn-voc2007-validation.html" in printed
    assert (tmp_path / "results" / "explain" / "resnet-vs-ml-gcn-voc2007.html").read_bytes() == tested


def test_csv_and_json_hold_every_count(tmp_path: Path) -> None:
    store = store_made(tmp_path / "results", *METHODS)
    done = bench(tmp_path, None, "explain", *ASKED, "--csv")
    frame = pd.read_csv(io.StringIO(done.stdout), dtype={"kind": str})
    assert "Written: " in done.stderr
    rows = json.loads(bench(tmp_path, None, "explain", *ASKED, "--json").stdout)
    assert [row["kind"] for row in rows] == frame.kind.tolist()
    np.testing.assert_allclose([row["difference_low"] for row in rows], frame.difference_low)
    records = [one for one in store.all() if isinstance(one, Record) and one.cell.method.name == "resnet"]
    missed = [
        int(((scores.labels == 1) & (scores.logits < 0)).sum()) for scores in map(store.scores, records)
    ]
    every = frame[(frame.errors == "missed") & (frame.kind == "all")]
    assert every.by.tolist() == ["kind", "frequency", "labels"]
    np.testing.assert_allclose(every.a, [np.mean(missed)] * 3)
    for _, group in frame.groupby(["errors", "by"]):
        parts, whole = group[group.kind != "all"], group[group.kind == "all"]
        np.testing.assert_allclose(parts[["a", "b"]].sum(), whole[["a", "b"]].iloc[0])


def test_names_of_classes_and_methods_stay_text(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    for method in ("resnet/pool=max", "ml-gcn"):
        store.save(*made_record(made_cell(method), HOSTILE))
    explained(tmp_path, "resnet/pool=max", *ASKED[1:])
    page = Page(tmp_path / "results" / "explain" / "resnet,pool=max-vs-ml-gcn-voc2007.html")
    assert all(name in page.words for name in HOSTILE) and page.images == []


def test_runs_of_one_method_are_told_apart_by_their_names(tmp_path: Path) -> None:
    longer = SCHEDULE.model_copy(update={"epochs": 9})
    one, other = made_cell(), made_cell(schedule=longer)
    store_made(tmp_path / "results", one, other)
    printed = explained(tmp_path, one.run_id(), other.run_id(), "--resamples", "100")
    assert "WARNING: not the methods alone differ, but also schedule epochs (2, 9)" in printed
    assert f"one seed: the interval covers images only: {one.run_id()}, {other.run_id()}" in printed
    (page,) = (tmp_path / "results" / "explain").iterdir()
    assert page.name.endswith("-voc2007.html") and one.run_id() in page.name


def test_the_floor_can_be_explained_too(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("prior"), *METHODS)
    printed = explained(tmp_path, "prior", "ml-gcn", "--data", "voc2007", "--resamples", "100")
    assert "ML-GCN against Label frequency" in printed


def test_what_is_refused(tmp_path: Path) -> None:
    store = store_made(tmp_path / "results", *METHODS)
    (tmp_path / "model.safetensors").write_bytes(b"")
    for arguments, said in (
        (("model.safetensors", *ASKED[1:]), "model.safetensors is a file: name a method or a run"),
        (("resnt", *ASKED[1:]), "Unknown method 'resnt'. Did you mean 'resnet'"),
        (("resnet", "ml-gcn"), "Name the data set"),
        ((*ASKED, "--csv", "--json"), "--csv and --json"),
        ((*ASKED, "--small", "1.5"), "--small"),
        ((*ASKED, "--data-root", "nowhere"), "nowhere is not a folder"),
        ((*ASKED, "--data-root", "."), "does not hold the data set"),
        (("salgl", *ASKED[1:]), "No finished run of salgl on voc2007"),
        ((*ASKED, "--out", "results"), "is a directory"),
    ):
        message = refusal(tmp_path, *arguments)
        assert said in message and "Traceback" not in message
    assert not (tmp_path / "results" / "explain").exists()
    two = made_cell(schedule=SCHEDULE.model_copy(update={"epochs": 9}))
    other = made_cell("ml-gcn", schedule=SCHEDULE.model_copy(update={"epochs": 9}))
    store_made(tmp_path / "results", two, other)
    assert "bench explain voc2007-resnet-s0" in refusal(tmp_path, *ASKED)
    (store.folder / METHODS[0].run_id() / SCORES).write_bytes(b"changed")
    runs = METHODS[0].run_id(), METHODS[2].run_id()
    assert "are not those that the record was written with" in refusal(tmp_path, *runs)


def test_a_data_set_without_boxes_and_one_with_other_labels(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own")
    labels = np.array([[1, 1, -1], [-1, 1, 1], [1, -1, -1], [-1, -1, 1]], np.int8)
    for seed, method in enumerate(("resnet", "ml-gcn")):
        logits = np.random.default_rng(seed).normal(size=labels.shape).astype(np.float32)
        scores = Scores(np.array([f"{number}.jpg" for number in range(2, 12, 3)]), logits, labels)
        record, _ = made_record(made_cell(method, data="own"), ("even", "low", "odd"))
        metrics = evaluate(logits, labels, record.cell.protocol)
        sizes = record.data.model_copy(update=OWN_SIZES)
        RecordStore(tmp_path / "results").save(
            record.model_copy(update={"metrics": metrics, "data": sizes}), scores
        )
    asked = ("resnet", "ml-gcn", "--data", str(own), "--resamples", "100")
    printed = explained(tmp_path, *asked)
    assert "The data set has no boxes that are read, so small objects are not told from others." in printed
    assert "Small object" not in printed and "counted in the 7 training images" in printed
    assert "The training split in" not in printed
    by_name = explained(tmp_path, *asked[:3], "own", *asked[4:])
    assert (
        "Without pictures, boxes and training labels: own is a data set of your own: give its file, "
        in by_name
    )
    explained(tmp_path, *asked)
    page = Page(tmp_path / "results" / "explain" / "resnet-vs-ml-gcn-own.html")
    assert page.images and "none of its runs has a model" in page.words
    table = tmp_path / "own" / "labels.csv"
    table.write_text(table.read_text().replace("3.jpg,odd|low", "3.jpg,odd"), encoding="utf-8")
    printed = explained(tmp_path, *asked)
    assert "has 7 images with 10 positive and 0 difficult labels, and that of the runs had 7" in printed
    table.write_text(table.read_text().replace("2.jpg,even|low", "2.jpg,odd"), encoding="utf-8")
    printed = explained(tmp_path, *asked)
    assert "are not those that the runs were measured on, for one that of even in the image 2" in printed


@pytest.mark.slow
def test_with_data_and_models_there_are_boxes_thumbnails_and_maps(trained: Path, data: Path) -> None:
    asked = ("resnet", "add-gcn", "--data", "voc2007", "--resamples", "100", "--device", "cpu", "--show", "3")
    printed = explained(trained, *asked, "--small", "0.04", data=data)
    assert "The largest box of the label covers less than 4 % of the picture." in printed
    assert "counted in the 12 training images" in printed and "positive labels have a box" in printed
    assert "Other" in printed
    page = Page(trained / "results" / "explain" / "resnet-vs-add-gcn-voc2007.html")
    assert "Maps of ResNet baseline: the score of the label at each position; of seed 0." in page.words
    assert re.search(r"Maps of ADD-GCN: [a-z ']+; of seed 0", page.words)
    assert all(image.startswith("data:image/jpeg;base64,") for image in page.images)
    maps = [name for name in page.names if name.startswith("map of ")]
    assert len(maps) == 12, "two of each label of an image: three gains, three losses"
    assert "largest box: 3.7 % of the picture" in page.words
    without = Page(_page_of(trained, data, *asked, "--no-maps"))
    assert "No maps: they were not asked for." in without.words
    assert not [name for name in without.names if name.startswith("map of ")]
    # Every error of a box of 8 by 8 pixels is of a small object, or none is.
    frame = {
        small: pd.read_csv(
            io.StringIO(
                bench(trained, data, "explain", *asked, "--no-maps", "--csv", "--small", small).stdout
            )
        )
        for small in ("0.036", "0.038")
    }
    none, every = (one[(one.errors == "missed") & (one.by == "kind")] for one in frame.values())
    assert none.possible[none.kind == "small"].item() == 0
    assert every.possible[every.kind == "small"].item() == every.possible[every.kind == "all"].item() > 0


def _page_of(folder: Path, data: Path, *arguments: str) -> Path:
    path = folder / "other.html"
    explained(folder, *arguments, "--out", str(path), data=data)
    return path


@pytest.mark.slow
def test_a_picture_that_is_gone_and_a_device_that_is_not_there(trained: Path, data: Path) -> None:
    asked = ("resnet", "add-gcn", "--data", "voc2007", "--resamples", "100", "--no-maps")
    picture = data / "VOCdevkit" / "VOC2007" / "JPEGImages" / "000014.jpg"
    content = picture.read_bytes()
    picture.write_bytes(content[:100])
    try:
        page = Page(_page_of(trained, data, *asked, "--show", "40"))
    finally:
        picture.write_bytes(content)
    assert "Without the picture of 000014: " in page.words and "Image 000014" in page.words
    changed = "are not all those that the runs were measured on, though their names and labels are"
    assert changed in page.words and changed not in Page(_page_of(trained, data, *asked)).words
    message = refusal(trained, *asked[:-1], "--device", "cuda:99", data=data)
    assert "cuda:99" in message


@pytest.mark.parametrize("size", [(1, 1), (4000, 1), (2, 900), (300, 200)])
def test_a_thumbnail_of_any_shape_is_bounded(size: tuple[int, int]) -> None:
    head, _, content = data_uri(Image.new("RGB", size), 96).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert min(picture.size) >= 1 and max(picture.size) == min(96, max(size))
