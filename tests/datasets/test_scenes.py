import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.scenes import generator as scenes_generator
from bench.datasets.scenes.draw import Picture, draw_scene, sample_scene
from bench.datasets.scenes.generator import CLASSES, SIZES, VERSION, YEAR, generate
from bench.datasets.scenes.shapes import PARTS, SLOTS
from bench.datasets.scenes.world import COMPANIONS, LOOKS, SCENES

FEW = {"train": 7, "val": 3, "test": 5}
SPLITS = ("train", "val", "trainval", "test")


def digest(root: Path) -> dict[str, str]:
    folder = root / "VOCdevkit" / YEAR
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rng(index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([0, VERSION, index]))


def lines(root: Path, name: str) -> list[str]:
    path = root / "VOCdevkit" / YEAR / "ImageSets" / "Main" / f"{name}.txt"
    return path.read_text(encoding="ascii").splitlines()


def temporary(root: Path) -> list[Path]:
    return list((root / "VOCdevkit").glob("*.tmp")) + list((root / "VOCdevkit").glob(".*.tmp"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    generate(root, sizes=FEW)
    return root


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    drawn = []
    for index in range(1, 251):
        stream = rng(index)
        drawn.append(draw_scene(sample_scene(stream), stream))
    return drawn


def planned(count: int) -> NDArray[np.bool_]:
    """Labels of the first pictures before painting: what was placed, seen or not."""
    there = np.zeros((count, len(CLASSES)), dtype=bool)
    for row in range(count):
        for item in sample_scene(rng(row + 1)).items:
            there[row, CLASSES.index(item.name)] = True
    return there


def test_tables_of_the_world_fit_together() -> None:
    assert len(CLASSES) == 20
    assert list(CLASSES) == sorted(PARTS)
    assert set(LOOKS) == set(PARTS)
    assert {part.slot for parts in PARTS.values() for part in parts} <= set(SLOTS)
    assert {name for pair in COMPANIONS for name in pair[:2]} <= set(CLASSES)
    for name in CLASSES:
        assert sum(name in kind.odds for kind in SCENES.values()) >= 1
    assert {name for kind in SCENES.values() for name in kind.odds} == set(CLASSES)
    assert sum(kind.weight for kind in SCENES.values()) == pytest.approx(1)


def test_same_seed_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    generate(tmp_path, sizes=FEW)
    assert digest(tmp_path) == digest(made)


def test_other_seed_gives_other_pictures_and_replaces(made: Path, tmp_path: Path) -> None:
    generate(tmp_path, sizes=FEW)
    generate(tmp_path, seed=1, sizes=FEW)
    first, second = digest(made), digest(tmp_path)
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first if name.endswith(".jpg"))
    assert not temporary(tmp_path)


def test_pool_draws_what_one_process_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes_generator, "WORTH_A_PROCESS", 5)
    generate(tmp_path / "pool", sizes=FEW, workers=2)
    generate(tmp_path / "alone", sizes=FEW, workers=1)
    assert digest(tmp_path / "pool") == digest(tmp_path / "alone")


def test_finished_folder_is_left_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes_generator, "_draw", None)
    generate(made, sizes=FEW)


def test_progress_counts_up_to_the_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path, sizes=FEW, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 15) for done in range(1, 16)]


@pytest.mark.parametrize("sizes", [{"train": 1}, {"train": 1, "val": 0, "test": 1}])
def test_sizes_have_to_name_every_split(sizes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sizes"):
        generate(tmp_path, sizes=sizes)


def test_stamp_says_what_is_there(made: Path) -> None:
    stamp = json.loads((made / "VOCdevkit" / YEAR / "scenes.json").read_text())
    assert (stamp["version"], stamp["seed"], stamp["sizes"]) == (VERSION, 0, FEW)
    positives = [line for name in CLASSES for line in lines(made, f"{name}_test") if line.endswith(" 1")]
    assert sum(stamp["counts"]["positives"]["test"].values()) == len(positives)


def test_annotations_have_the_fields_of_voc(made: Path) -> None:
    files = sorted((made / "VOCdevkit" / YEAR / "Annotations").iterdir())
    assert [file.name for file in files] == [f"{index:06d}.xml" for index in range(1, 16)]
    for file in files:
        root = ElementTree.parse(file).getroot()
        assert root.findtext("folder") == YEAR
        assert root.findtext("filename") == f"{file.stem}.jpg"
        assert root.findtext("source/database")
        assert root.findtext("segmented") == "0"
        assert root.findtext("size/depth") == "3"
        width, height = (int(root.findtext(f"size/{key}", "")) for key in ("width", "height"))
        with Image.open(file.parents[1] / "JPEGImages" / f"{file.stem}.jpg") as image:
            assert (image.mode, image.format, image.size) == ("RGB", "JPEG", (width, height))
            image.load()
        assert root.findall("object")
        for item in root.findall("object"):
            assert item.findtext("name") in CLASSES
            assert item.findtext("pose") == "Unspecified"
            assert item.findtext("truncated") in ("0", "1")
            assert item.findtext("difficult") in ("0", "1")
            box = [int(item.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")]
            assert 1 <= box[0] <= box[2] <= width
            assert 1 <= box[1] <= box[3] <= height


def test_lists_agree_with_the_annotations(made: Path) -> None:
    ids = {split: lines(made, split) for split in SPLITS}
    assert {split: len(names) for split, names in ids.items()} == {**FEW, "trainval": 10}
    assert ids["trainval"] == ids["train"] + ids["val"]
    for split in SPLITS:
        for name in CLASSES:
            expected = []
            for image in ids[split]:
                root = ElementTree.parse(made / "VOCdevkit" / YEAR / "Annotations" / f"{image}.xml").getroot()
                flags = [
                    o.findtext("difficult") for o in root.findall("object") if o.findtext("name") == name
                ]
                value = -1 if not flags else 1 if "0" in flags else 0
                expected.append(f"{image} {value:2d}")
            assert lines(made, f"{name}_{split}") == expected


def test_every_class_is_in_training_and_test_at_default_sizes() -> None:
    there = planned(sum(SIZES.values()))
    train, test = there[: SIZES["train"]], there[-SIZES["test"] :]
    assert train.sum(axis=0).min() >= 20
    assert test.sum(axis=0).min() >= 12


def test_labels_co_occur_more_than_by_chance() -> None:
    there = planned(sum(SIZES.values())).astype(float)
    alone = there.mean(axis=0)
    lift = there.T @ there / len(there) / np.outer(alone, alone)
    pairs = lift[np.triu_indices(len(CLASSES), 1)]
    assert (pairs > 2).sum() >= 6
    assert (pairs < 0.5).sum() >= 20


def test_painted_labels_are_several_and_some_are_difficult(pictures: list[Picture]) -> None:
    labels = [{o.name for o in picture.seen if not o.difficult} for picture in pictures]
    every = [{o.name for o in picture.seen} for picture in pictures]
    assert min(map(len, labels)) >= 1
    assert 2.3 < np.mean([len(names) for names in labels]) < 3.6
    assert 0.03 < 1 - sum(map(len, labels)) / sum(map(len, every)) < 0.12


def test_some_plain_objects_are_too_small_to_know_without_context(pictures: list[Picture]) -> None:
    plain = [o.box for picture in pictures for o in picture.seen if not o.difficult]
    areas = np.array([(right - left + 1) * (bottom - top + 1) for left, top, right, bottom in plain])
    assert 0.005 < (areas < 11**2).mean() < 0.1


def test_pictures_open_and_vary_in_size(pictures: list[Picture]) -> None:
    for picture in pictures[:30]:
        with Image.open(BytesIO(picture.jpeg)) as image:
            assert image.mode == "RGB"
            assert image.size == (picture.width, picture.height)
            assert np.asarray(image).std() > 8
    assert len({(picture.width, picture.height) for picture in pictures}) > 50


def test_failure_midway_leaves_nothing_behind(made: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, sizes=FEW, progress=stop)
    assert not (tmp_path / "VOCdevkit" / YEAR).exists()
    assert not temporary(tmp_path)
    generate(tmp_path, sizes=FEW)
    assert digest(tmp_path) == digest(made)


KILLED = """
import sys, time
from pathlib import Path
from bench.datasets.scenes.generator import generate

def stall(done, total):
    print(done, flush=True)
    if done == 4:
        time.sleep(60)

if __name__ == "__main__":
    generate(Path(sys.argv[1]), sizes={"train": 140, "val": 30, "test": 30}, progress=stall, workers=2)
"""


def test_killed_generation_leaves_nothing_that_looks_complete(made: Path, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    home = Path(scenes_generator.__file__).parents[1]
    home = home if (home / "bench").is_dir() else home.parent
    child = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(home)},
    )
    assert child.stdout is not None
    while child.stdout.readline().strip() != b"4":
        assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "VOCdevkit" / YEAR).exists()
    assert temporary(tmp_path)
    # The pipe ends when the last helper process that inherited it has gone: none may outlive its parent.
    child.communicate(timeout=20)
    generate(tmp_path, sizes=FEW)
    assert digest(tmp_path) == digest(made)
    assert not temporary(tmp_path)


def test_two_processes_at_once_end_with_one_whole_folder(made: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=generate, args=(tmp_path, 0, FEW)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert digest(tmp_path) == digest(made)
    assert not temporary(tmp_path)


def test_without_locks_the_later_discards_its_own(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system without locks: another process finishes while this one is still drawing."""

    def refuse(*_: object) -> None:
        raise OSError("no locks here")

    winners = []

    def overtake(done: int, total: int) -> None:
        if done == total:
            generate(tmp_path, sizes=FEW)
            winners.append((tmp_path / "VOCdevkit" / YEAR).stat().st_ino)

    monkeypatch.setattr("fcntl.flock", refuse)
    generate(tmp_path, sizes=FEW, progress=overtake)
    assert [(tmp_path / "VOCdevkit" / YEAR).stat().st_ino] == winners
    assert digest(tmp_path) == digest(made)
    assert not temporary(tmp_path)
