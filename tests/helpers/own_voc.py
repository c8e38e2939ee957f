"""Write a VOC tree of one's own, image by image, and open it."""

from pathlib import Path

import numpy as np

from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from trees import write_annotation, write_picture

LISTS = "splits: {train: train, eval: test}"
DRAWN = "splits: {train: 0.5}"


class Tree:
    """A tree of one's own in a folder `tree`, to which images are added one by one."""

    def __init__(self, home: Path, annotations: str = "Annotations", images: str = "JPEGImages") -> None:
        self.home, self.root = home, home / "tree"
        self.annotations, self.images = self.root / annotations, self.root / images
        for folder in (self.annotations, self.images):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, image: str, picture: str | None, filename: str | None = None, label: str = "cat") -> None:
        """An annotation, and its picture; without `<filename>` where that is empty."""
        path = self.annotations / f"{image}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_annotation(path, [(label, 0)])
        if filename is not None:
            text = path.read_text()
            path.write_text(
                text.replace(f"<filename>{path.stem}.jpg</filename>", f"<filename>{filename}</filename>")
            )
        if picture:
            self.picture(picture)

    def picture(self, name: str) -> None:
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, seed=sum(name.encode()))

    def fill(self, suffix: str = ".jpg", folder: str = "", images: int = 6) -> "Tree":
        for number in range(images):
            name = f"{folder}{number}"
            self.add(name, f"{name}{suffix}", label=("cat", "dog")[number % 2])
        return self

    def list(self, **splits: str) -> "Tree":
        folder = self.root / "ImageSets" / "Main"
        folder.mkdir(parents=True, exist_ok=True)
        for split, ids in splits.items():
            (folder / f"{split}.txt").write_text("".join(f"{image}\n" for image in ids.split()))
        return self

    def described(self, splits: str = DRAWN, voc: str = "{folder: tree}") -> str:
        path = self.home / "own.yaml"
        path.write_text(f"name: own\nvoc: {voc}\n{splits}\n")
        return str(path)

    def open(
        self, splits: str = DRAWN, voc: str = "{folder: tree}", skip_bad: bool | Path = False
    ) -> DataSet:
        return open_dataset(self.described(splits, voc), skip_bad=skip_bad)


def files(dataset: DataSet) -> dict[str, str]:
    return {
        image: file
        for index in (dataset.train, dataset.eval)
        for image, file in zip(index.ids, index.files, strict=True)
    }


def labels(dataset: DataSet) -> dict[str, set[str]]:
    names = np.array(dataset.info.classes)
    return {
        image: set(names[row == 1].tolist())
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }
