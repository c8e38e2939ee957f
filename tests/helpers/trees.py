"""Write a small tree in the layout of the VOC2007 devkit, with real JPEG and XML files."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench.datasets.classes import VOC_CLASSES

# Class and difficult flag of every object of a picture.
Objects = list[tuple[str, int]]


def write_picture(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> None:
    """A JPEG of seeded noise with a box in it; no two seeds look alike."""
    rng = np.random.default_rng(seed)
    width, height = size
    picture = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    corner = (int(rng.integers(width // 2)), int(rng.integers(height // 2)))
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    ImageDraw.Draw(picture).rectangle((*corner, corner[0] + width // 3, corner[1] + height // 3), fill=colour)
    picture.save(path, quality=90)


def write_annotation(path: Path, objects: Objects) -> None:
    """The annotation of one picture, as VOC writes it."""
    lines = [
        f"<object><name>{name}</name><pose>Left</pose><truncated>0</truncated><difficult>{difficult}</difficult>"
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
        for name, difficult in objects
    ]
    text = "\n".join(["<annotation>", f"<filename>{path.stem}.jpg</filename>", *lines, "</annotation>"])
    path.write_text(text, encoding="utf-8")


def write_voc(root: Path, train: int = 8, test: int = 6, size: tuple[int, int] = (48, 36)) -> Path:
    """Write `root/VOCdevkit/VOC2007` and return it.

    Args:
        root: the folder that a user would give as data root.
        train: images of `trainval`, half of them in `train`, the others in `val`.
        test: images of `test`.
        size: width and height of the pictures, pixels.
    """
    devkit = root / "VOCdevkit" / "VOC2007"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (devkit / part).mkdir(parents=True)
    ids = [f"{number:06d}" for number in range(1, train + test + 1)]
    labels: dict[str, dict[str, int]] = {}
    for number, image in enumerate(ids, start=1):
        objects = _objects(number)
        write_picture(devkit / "JPEGImages" / f"{image}.jpg", number, size)
        write_annotation(devkit / "Annotations" / f"{image}.xml", objects)
        names = [name for name, _ in objects]
        labels[image] = {name: int((name, 0) in objects) for name in names}
    write_lists(devkit, "trainval", ids[:train], labels)
    write_lists(devkit, "train", ids[: train // 2], labels)
    write_lists(devkit, "val", ids[train // 2 : train], labels)
    write_lists(devkit, "test", ids[train:], labels)
    return devkit


def write_lists(devkit: Path, split: str, ids: list[str], labels: dict[str, dict[str, int]]) -> None:
    """The list of a split, and one list per class with 1, 0 (difficult) or -1 behind each image."""
    folder = devkit / "ImageSets" / "Main"
    (folder / f"{split}.txt").write_text("".join(f"{image}\n" for image in ids))
    for name in VOC_CLASSES:
        lines = [f"{image} {labels[image].get(name, -1):2d}\n" for image in ids]
        (folder / f"{name}_{split}.txt").write_text("".join(lines))


def _objects(number: int) -> Objects:
    """Two to four objects: person in every other picture, one class twice, one in three only difficult."""
    rng = np.random.default_rng([7, number])
    first, second = (VOC_CLASSES[column] for column in rng.choice(14, 2, replace=False))
    objects: Objects = [(first, 0), (first, 1), (second, int(number % 3 == 0))]
    return [*objects, ("person", 0)] if number % 2 else objects


def write_own_csv(folder: Path, images: int = 12, split: bool = True) -> Path:
    """Write pictures, `labels.csv` and `own.yaml` into a folder; returns the YAML file.

    Every third picture is for testing. Each has the label `odd` or `even`, and the first half `low` too.
    """
    (folder / "photos").mkdir(parents=True)
    lines = ["image,labels,split" if split else "image,labels"]
    for number in range(images):
        write_picture(folder / "photos" / f"{number}.jpg", seed=number)
        labels = ("even", "odd")[number % 2] + ("|low" if number < images // 2 else "")
        lines.append(f"{number}.jpg,{labels}" + (("," + ("train", "train", "test")[number % 3]) * split))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    column = ", split: split" if split else ""
    splits = "{train: train, eval: test}" if split else "{train: 0.5}"
    yaml = f"name: own\ncsv: {{images: photos{column}}}\nsplits: {splits}\n"
    (folder / "own.yaml").write_text(yaml, encoding="utf-8")
    return folder / "own.yaml"


def write_split_table(folder: Path, rows: list[tuple[str, str]]) -> str:
    """A data set of one's own: a table with the labels and the split of each picture, and its description."""
    (folder / "images").mkdir()
    for number in range(len(rows)):
        write_picture(folder / "images" / f"{number}.jpg", number)
    text = "".join(f'{number}.jpg,"{labels}",{split}\n' for number, (labels, split) in enumerate(rows))
    (folder / "labels.csv").write_text(f"image,labels,split\n{text}", encoding="utf-8")
    (folder / "own.yaml").write_text(
        "name: own\ncsv: {images: images, split: split}\nsplits: {train: train, eval: test}\n"
    )
    return "own.yaml"
