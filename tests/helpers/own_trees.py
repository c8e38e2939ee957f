"""Write small data sets of one's own: YOLO's layout, folders named by classes."""

from pathlib import Path

import yaml

from trees import write_picture

# Of twelve pictures the class numbers of their boxes; every third is for evaluation.
NAMES = ("cat", "dog", "bird")
NUMBERS = tuple(tuple(sorted({number % 3, number // 4})) if number != 7 else () for number in range(12))
SPLIT = ("train", "train", "val")


def labels_of(number: int) -> dict[str, int]:
    """The labels of a picture of `write_yolo`."""
    return {NAMES[found]: 1 for found in NUMBERS[number]}


def write_yolo(folder: Path, data: dict[str, object] | None = None, images: str = "images/{split}") -> Path:
    """Write pictures, text files of boxes and polygons, data.yaml and own.yaml; returns own.yaml.

    Args:
        folder: where to; it need not be there.
        data: what data.yaml says besides the splits and names, or instead of them.
        images: the folder of the pictures of a split.
    """
    for number, found in enumerate(NUMBERS):
        place = folder / images.format(split=SPLIT[number % 3])
        text = folder / images.format(split=SPLIT[number % 3]).replace("images", "labels") / f"{number}.txt"
        place.mkdir(parents=True, exist_ok=True)
        text.parent.mkdir(parents=True, exist_ok=True)
        write_picture(place / f"{number}.jpg", seed=number)
        lines = [f"{one} 0.5 0.5 0.2 0.2\n{one} 0.1 0.1 0.2 0.1 0.2 0.3\n" for one in found]
        if found:  # picture 7 has no text file
            text.write_text("".join(lines), encoding="utf-8")
    paths = {split: images.format(split=split) for split in ("train", "val")}
    (folder / "data.yaml").write_text(yaml.safe_dump({**paths, "names": list(NAMES), **(data or {})}))
    own = folder / "own.yaml"
    own.write_text("name: own\nyolo: {data: data.yaml}\nsplits: {train: train, eval: val}\n")
    return own


def write_folders(folder: Path, splits: bool = True) -> Path:
    """Write `photos/train/cat/0.jpg` or `photos/cat/0.jpg` and so on, and own.yaml; returns own.yaml."""
    for number in range(12):
        home = folder / "photos" / SPLIT[number % 3] if splits else folder / "photos"
        place = home / ("cat", "dog", "cat+dog")[number // 4]
        place.mkdir(parents=True, exist_ok=True)
        write_picture(place / f"{number}.jpg", seed=number)
    own = folder / "own.yaml"
    said = "{train: train, eval: val}" if splits else "{train: 0.5}"
    own.write_text(f"name: own\nfolders: {{folder: photos, separator: +}}\nsplits: {said}\n")
    return own
