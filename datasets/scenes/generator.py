"""The built-in data set `scenes`: drawn on first use and written as a VOC devkit.

The folder that comes out looks to a reader exactly like VOC2007's. It holds the same bytes for the same
seed, sizes and VERSION: each picture is drawn from its own stream of random numbers. A second folder holds
the same training pictures, and those of the splits for context; a third one pictures with one object each, of
any class alike before any background, to train a backbone on beforehand.
"""

import fcntl
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import islice, starmap
from multiprocessing.process import current_process
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from bench.datasets.scenes.context import STRENGTH, Labels, label_sets
from bench.datasets.scenes.draw import CLASSES, Picture, Scene, draw_scene, sample_scene
from bench.files import read_json
from bench.processes import map_in_processes
from bench.processors import processors
from bench.progress import Progress

__all__ = ["CLASSES", "CONTEXT_SIZES", "OBJECT_SIZES", "SIZES", "VERSION", "YEAR", "YEARS", "generate"]

VERSION = 1
"""Goes up with every change that alters a single byte; folders of another version are drawn anew."""
YEAR = "Scenes"
_TRAINING = {"train": 600, "val": 200}
SIZES: Mapping[str, int] = {**_TRAINING, "test": 400}
CONTEXT_SIZES: Mapping[str, int] = {**_TRAINING, **dict.fromkeys(STRENGTH, 400)}
OBJECTS = "objects"
OBJECT_SIZES: Mapping[str, int] = {"train": 3600, "val": 400, OBJECTS: 400}
YEARS: Mapping[str, Mapping[str, int]] = {
    YEAR: SIZES,
    "ScenesContext": CONTEXT_SIZES,
    "ScenesObjects": OBJECT_SIZES,
}
"""The folders that are written, each with its splits and their sizes."""
CONTEXT_FROM = 10_000
"""The pictures of the splits for context are counted from here, so that none has the name of another one."""
OBJECTS_FROM = 20_000
"""Those with one object are counted from here: none is a picture of `scenes`."""
STAMP = "scenes.json"
WORTH_A_PROCESS = 50
"""Pictures per process below which starting one costs more time than it saves."""
_Drawn = tuple[int, Picture]


def generate(
    root: Path,
    seed: int = 0,
    sizes: Mapping[str, int] = SIZES,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
) -> None:
    """Write the folder of `YEARS` with these splits, unless it is there with this seed, version and sizes.

    It appears under `root/VOCdevkit`, all at once when complete. `progress` is called with the pictures done
    and their total; `workers` limits the processes (by default one per CPU) and does not change the result.
    """
    year = _year_of(sizes)
    # A script without a __main__ guard gets here again in each process started below; waiting for the
    # lock that its parent holds would never end.
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError("generate() was called while a helper process was importing the main script")
    devkit = root / "VOCdevkit"
    sizes = {split: sizes[split] for split in YEARS[year]}
    wanted = {"version": VERSION, "seed": seed, "sizes": sizes}
    if _is_there(devkit / year, wanted):  # before anything is written: the folder may be read-only
        return
    devkit.mkdir(parents=True, exist_ok=True)
    with _lock(devkit, year) as alone:
        if _is_there(devkit / year, wanted):
            return  # another process made it while this one waited
        if alone:  # whoever left these is no longer at work
            for leftover in devkit.glob(f".{year}.*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".{year}.", suffix=".tmp", dir=devkit))
        try:
            # One level deeper, because mkdtemp's folder can be entered by this user alone.
            with closing(_pictures(seed, _planned(seed, sizes), workers)) as pictures:
                _write(work / year, wanted, pictures, progress)
            _publish(work, year, wanted)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _year_of(sizes: Mapping[str, int]) -> str:
    """The folder that has these splits; ValueError where none has, or their sizes cannot be."""
    years = [year for year, splits in YEARS.items() if set(sizes) == set(splits)]
    if not years:
        known = " or ".join(", ".join(splits) for splits in YEARS.values())
        raise ValueError(f"sizes must give a number of pictures for each of {known}")
    if min(sizes.values()) < 1:
        raise ValueError(f"sizes must be positive: {dict(sizes)}")
    if len({sizes[split] for split in STRENGTH if split in sizes}) > 1:
        raise ValueError(f"the sizes of {', '.join(STRENGTH)} must be equal: {dict(sizes)}")
    return years[0]


@contextmanager
def _lock(devkit: Path, year: str) -> Iterator[bool]:
    """Let one process at a time in; the system frees the lock however its holder ends.

    Yields False on a file system without locks. There two may work at once, and the later discards its own.
    """
    with (devkit / f".{year}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            yield False
        else:
            yield True


def _is_there(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the finished folder is the one wanted."""
    try:
        stamp = read_json(folder / STAMP)
    except (OSError, ValueError):
        return False
    return isinstance(stamp, dict) and all(stamp.get(key) == value for key, value in wanted.items())


def _publish(work: Path, year: str, wanted: Mapping[str, Any]) -> None:
    """Put the finished folder in its place; what stood there before goes with the temporary folder."""
    target = work.parent / year
    if _is_there(target, wanted):
        return  # another process was faster
    with suppress(FileNotFoundError):
        target.rename(work / "replaced")
    try:
        (work / year).rename(target)
    except OSError:
        if not _is_there(target, wanted):  # otherwise another came in between
            raise


class _Planned(NamedTuple):
    """A picture to be drawn: its number, and its labels where they are not drawn by lot with all else."""

    number: int
    labels: Labels | None = None


def _planned(seed: int, sizes: Mapping[str, int]) -> list[_Planned]:
    """Every picture of a folder, in order."""
    if OBJECTS in sizes:
        numbers = range(sum(sizes.values()))
        return [_Planned(OBJECTS_FROM + 1 + number, _one_label(number)) for number in numbers]
    planned = [_Planned(number) for number in range(1, sum(sizes.values()) + 1)]
    if not STRENGTH.keys() <= sizes.keys():
        return planned
    training = planned[: sizes["train"] + sizes["val"]]
    held = np.stack([_labels_of(sample_scene(_stream(seed, one.number))) for one in training])
    sets = label_sets(held, sizes[next(iter(STRENGTH))], _stream(seed, CONTEXT_FROM))
    rows = (row for split in sizes if split in STRENGTH for row in sets[split])
    return [*training, *starmap(_Planned, enumerate(rows, start=CONTEXT_FROM + 1))]


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, VERSION, number]))


def _labels_of(scene: Scene) -> Labels:
    return np.isin(CLASSES, [item.name for item in scene.items])


def _one_label(number: int) -> Labels:
    """The classes in turn."""
    labels = np.zeros(len(CLASSES), dtype=np.bool_)
    labels[number % len(CLASSES)] = True
    return labels


def _draw(seed: int, planned: _Planned) -> Picture:
    rng = _stream(seed, planned.number)
    return draw_scene(sample_scene(rng, planned.labels), rng)


def _pictures(seed: int, planned: Sequence[_Planned], workers: int | None) -> Generator[_Drawn, None, None]:
    """All pictures in order, drawn by several processes where that pays."""
    limit = workers or min(8, processors())
    count = min(limit, len(planned) // WORTH_A_PROCESS)
    done = 0
    if count > 1:
        try:
            for picture in map_in_processes(partial(_draw, seed), planned, count, at_once=10):
                yield planned[done].number, picture
                done += 1
        except BrokenProcessPool:
            pass  # no process can be started from here, or one was killed: this one draws the rest
    for one in planned[done:]:
        yield one.number, _draw(seed, one)


def _write(
    folder: Path, wanted: Mapping[str, Any], pictures: Iterator[_Drawn], progress: Progress | None
) -> None:
    """Write the whole devkit folder; the stamp comes last."""
    images, annotations = folder / "JPEGImages", folder / "Annotations"
    for path in (images, annotations, folder / "ImageSets" / "Main"):
        path.mkdir(parents=True)
    total, done = sum(wanted["sizes"].values()), 0
    presence: dict[str, list[tuple[str, dict[str, int]]]] = {}
    objects: Counter[str] = Counter()
    for split, size in wanted["sizes"].items():
        rows = presence[split] = []
        for number, picture in islice(pictures, size):
            done += 1
            name = f"{number:06d}"
            (images / f"{name}.jpg").write_bytes(picture.jpeg)
            (annotations / f"{name}.xml").write_bytes(_annotation(folder.name, name, picture))
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


def _annotation(year: str, name: str, picture: Picture) -> bytes:
    """The XML file of one picture, with the fields of VOC2007's and its boxes counted from 1."""
    root = ElementTree.Element("annotation")
    _fill(root, {"folder": year, "filename": f"{name}.jpg"})
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
