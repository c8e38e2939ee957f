"""A data set of one's own with a CSV file of any form, described and read."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import read_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from trees import write_own_csv

ONE_HOT = "image,cat,dog\n0.jpg,1,0\n1.jpg,0,1\n2.jpg,1,1\n3.jpg,0,0\n4.jpg,1,0\n5.jpg,0,1\n6.jpg,1,1\n"
ITS_LABELS: Mapping[str, Mapping[str, int]] = {
    "0.jpg": {"cat": 1},
    "1.jpg": {"dog": 1},
    "2.jpg": {"cat": 1, "dog": 1},
    "3.jpg": {},
    "4.jpg": {"cat": 1},
    "5.jpg": {"dog": 1},
    "6.jpg": {"cat": 1, "dog": 1},
}


def describe(folder: Path, text: str, csv: str = "", rest: str = "splits: {train: 0.5}") -> str:
    """Write the table and its description; returns the description's path."""
    (folder / "labels.csv").write_bytes(text.encode())
    section = ", ".join(part for part in ("images: photos", csv) if part)
    (folder / "own.yaml").write_text(f"name: own\ncsv: {{{section}}}\n{rest}\n", encoding="utf-8")
    return str(folder / "own.yaml")


def labels(dataset: DataSet) -> dict[str, dict[str, int]]:
    """Of every image that can be used, what is not negative."""
    names = dataset.info.classes
    return {
        image: {names[column]: int(row[column]) for column in np.flatnonzero(row >= 0)}
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


def read(folder: Path, *description: str) -> dict[str, dict[str, int]]:
    """The labels of what `describe` writes."""
    return labels(read_dataset(describe(folder, *description)))


def refusal(folder: Path, *description: str) -> str:
    """The message with which what `describe` writes is refused."""
    with pytest.raises(UserError) as refused:
        read_dataset(describe(folder, *description))
    return str(refused.value)


class TableContract(DatasetContract):
    """The contract on a table of another form, with the pictures of the ordinary one."""

    table: str
    csv: str = ""

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_own_csv(folder, images=8)
        return describe(folder, self.table, self.csv), None
