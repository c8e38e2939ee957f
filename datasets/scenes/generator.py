"""The built-in data set `scenes`: drawn on first use and written as a VOC devkit.

The folder that comes out looks to a reader exactly like VOC2007's. It holds the same bytes for the same
seed, sizes and VERSION: each picture is drawn from its own stream of random numbers.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing.process import current_process
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from bench.datasets.scenes.draw import CLASSES, Picture, draw_scene, sample_scene
from bench.files import read_json
from bench.processes import map_in_processes
from bench.progress import Progress

__all__ = ["CLASSES", "SIZES", "VERSION", "YEAR", "generate"]

VERSION = 1
"""Goes up with every change that alters a single byte; folders of another version are drawn anew."""
YEAR = "Scenes"
SPLITS = ("train", "val", "test")
SIZES: Mapping[str, int] = {"train": 600, "val": 200, "test": 400}
STAMP = "scenes.json"
WORTH_A_PROCESS = 50
"""Pictures per process below which starting one costs more time than it saves."""


def generate(
    root: Path,
    seed: int = 0,
    sizes: Mapping[str, int] = SIZES,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
) -> None:
    """Write `root/VOCdevkit/Scenes`, unless it is there already with this seed, version and sizes.

    It appears all at once when complete. `progress` is called with the pictures done and their total;
    `workers` limits the processes (by default one per CPU) and has no influence on the result.
    """
    if set(sizes) != set(SPLITS) or min(sizes.values()) < 1:
        raise ValueError(f"sizes must give a positive number of pictures for each of {', '.join(SPLITS)}")
    # A script without a __main__ guard gets here again in each process started below; waiting for the
    # lock that its parent holds would never end.
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError("generate() was called while a helper process was importing the main script")
    devkit = root / "VOCdevkit"
    wanted = {"version": VERSION, "seed": seed, "sizes": {split: sizes[split] for split in SPLITS}}
    if _is_there(devkit, wanted):  # before anything is written: the folder may be read-only
        return
    devkit.mkdir(parents=True, exist_ok=True)
    with _lock(devkit) as alone:
        if _is_there(devkit, wanted):
            return  # another process made it while this one waited
        if alone:  # whoever left these is no longer at work
            for leftover in devkit.glob(f".{YEAR}.*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".{YEAR}.", suffix=".tmp", dir=devkit))
        try:
            # One level deeper, because mkdtemp's folder can be entered by this user alone.
            with closing(_pictures(seed, sum(sizes.values()), workers)) as pictures:
                _write(work / YEAR, wanted, pictures, progress)
            _publish(work, wanted)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _lock(devkit: Path) -> Iterator[bool]:
    """Let one process at a time in; the system frees the lock however its holder ends.

    Yields False on a file system without locks. There two may work at once, and the later discards its own.
    """
    with (devkit / f".{YEAR}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            yield False
        else:
            yield True


def _is_there(devkit: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the finished folder is the one wanted."""
    try:
        stamp = read_json(devkit / YEAR / STAMP)
    except (OSError, ValueError):
        return False
    return isinstance(stamp, dict) and all(stamp.get(key) == value for key, value in wanted.items())


def _publish(work: Path, wanted: Mapping[str, Any]) -> None:
    """Put the finished folder in its place; what stood there before goes with the temporary folder."""
    target = work.parent / YEAR
    if _is_there(work.parent, wanted):
        return  # another process was faster
    with suppress(FileNotFoundError):
        target.rename(work / "replaced")
    try:
        (work / YEAR).rename(target)
    except OSError:
        if not _is_there(work.parent, wanted):  # otherwise another came in between
            raise


def _draw(seed: int, index: int) -> Picture:
    rng = np.random.Generator(np.random.PCG64([seed, VERSION, index]))
    return draw_scene(sample_scene(rng), rng)


def _pictures(seed: int, total: int, workers: int | None) -> Generator[Picture, None, None]:
    """All pictures in order, drawn by several processes where that pays."""
    limit = workers or min(8, os.cpu_count() or 1)
    count = min(limit, total // WORTH_A_PROCESS)
    done = 0
    if count > 1:
        try:
            for picture in map_in_processes(partial(_draw, seed), range(1, total + 1), count, at_once=10):
                yield picture
                done += 1
        except BrokenProcessPool:
            pass  # no process can be started from here, or one was killed: this one draws the rest
    for index in range(done + 1, total + 1):
        yield _draw(seed, index)


def _write(
    folder: Path, wanted: Mapping[str, Any], pictures: Iterator[Picture], progress: Progress | None
) -> None:
    """Write the whole devkit folder; the stamp comes last."""
    images, annotations = folder / "JPEGImages", folder / "Annotations"
    for path in (images, annotations, folder / "ImageSets" / "Main"):
        path.mkdir(parents=True)
    total, done = sum(wanted["sizes"].values()), 0
    presence: dict[str, list[tuple[str, dict[str, int]]]] = {}
    objects: Counter[str] = Counter()
    for split in SPLITS:
        rows = presence[split] = []
        for picture in islice(pictures, wanted["sizes"][split]):
            done += 1
            name = f"{done:06d}"
            (images / f"{name}.jpg").write_bytes(picture.jpeg)
            (annotations / f"{name}.xml").write_bytes(_annotation(name, picture))
            rows.append((name, _presence(picture)))
            objects.update("difficult" if seen.difficult else "plain" for seen in picture.seen)
            if progress is not None:
                progress(done, total)
    presence["trainval"] = presence["train"] + presence["val"]
    _write_lists(folder / "ImageSets" / "Main", presence)
    positives = {
        split: {name: sum(labels[name] == 1 for _, labels in rows) for name in CLASSES}
        for split, rows in presence.items()
    }
    stamp = {**wanted, "counts": {"objects": dict(sorted(objects.items())), "positives": positives}}
    (folder / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def _presence(picture: Picture) -> dict[str, int]:
    """VOC's three values per class: 1 there, 0 only difficult ones, -1 not there."""
    labels = dict.fromkeys(CLASSES, -1)
    for seen in picture.seen:
        labels[seen.name] = max(labels[seen.name], 0 if seen.difficult else 1)
    return labels


def _write_lists(folder: Path, presence: Mapping[str, Sequence[tuple[str, dict[str, int]]]]) -> None:
    """The image lists of each split, and per class and split VOC's list with the class's value."""
    for split, rows in presence.items():
        lists = {f"{split}.txt": "".join(f"{image}\n" for image, _ in rows)}
        for name in CLASSES:
            lines = (f"{image} {labels[name]:2d}\n" for image, labels in rows)
            lists[f"{name}_{split}.txt"] = "".join(lines)
        for file, text in lists.items():
            (folder / file).write_text(text, encoding="ascii", newline="\n")


def _annotation(name: str, picture: Picture) -> bytes:
    """The XML file of one picture, with the fields of VOC2007's and its boxes counted from 1."""
    root = ElementTree.Element("annotation")
    _fill(root, {"folder": YEAR, "filename": f"{name}.jpg"})
    source = {"database": "The Scenes Database", "annotation": "Scenes", "image": "drawn"}
    _fill(ElementTree.SubElement(root, "source"), source)
    size = {"width": picture.width, "height": picture.height, "depth": 3}
    _fill(ElementTree.SubElement(root, "size"), size)
    _fill(root, {"segmented": 0})
    for seen in picture.seen:
        item = ElementTree.SubElement(root, "object")
        flags = {"truncated": int(seen.truncated), "difficult": int(seen.difficult)}
        _fill(item, {"name": seen.name, "pose": "Unspecified", **flags})
        corners = zip(("xmin", "ymin", "xmax", "ymax"), seen.box, strict=True)
        _fill(ElementTree.SubElement(item, "bndbox"), {key: value + 1 for key, value in corners})
    ElementTree.indent(root, "\t")
    return ElementTree.tostring(root) + b"\n"


def _fill(parent: ElementTree.Element, fields: Mapping[str, str | int]) -> None:
    for key, value in fields.items():
        ElementTree.SubElement(parent, key).text = str(value)
