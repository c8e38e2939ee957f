"""A plan says what is learned of labels that are not known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench_command import bench

CELLS = ((1, 0), (0, 1), (-1, 1), (1, -1), (0, 1), (1, 0))
METHODS = "resnet,tdrg,c-tran,c-tran/known=0"


def unknown(folder: Path) -> str:
    """A table of whose labels some are not known: two in training, and one in the test."""
    (folder / "photos").mkdir(parents=True)
    rows = ["image,split,cat,dog"]
    for number, (cat, dog) in enumerate((*CELLS, (1, -1), (0, 1))):
        pixels = np.full((40, 40, 3), 30 * number, dtype=np.uint8)
        pixels[: 10 + number] = 200
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
        rows.append(f"{number}.png,{'train' if number < len(CELLS) else 'test'},{cat},{dog}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "own.yaml").write_text(
        "name: own\nsplits: {train: train, eval: test}\n"
        "csv: {file: labels.csv, images: photos, split: split, one_hot: true, values: {-1: difficult}}\n"
    )
    return str(folder / "own.yaml")


@pytest.mark.parametrize(
    ("difficult", "notes"),
    [
        (
            "positive",
            [
                "own: schedule identical learns 2 difficult training labels as present; where difficult "
                "means not known, --set difficult=ignored leaves them out"
            ],
        ),
        (
            "negative",
            [
                "own: schedule identical learns 2 difficult training labels as absent; where difficult means "
                "not known, --set difficult=ignored leaves them out"
            ],
        ),
        (
            "ignored",
            [
                "own: schedule identical ignores 2 difficult training labels, but tdrg takes them as absent "
                "in the three losses that it adds",
                "own: schedule identical ignores 2 difficult training labels, but c-tran takes them as "
                "absent in what it is told in training",
            ],
        ),
    ],
)
def test_what_is_learned_of_labels_that_are_not_known_is_said(
    difficult: str, notes: list[str], tmp_path: Path
) -> None:
    asked = ("--data", unknown(tmp_path / "own"), "--methods", METHODS, "--seeds", "0,1", "--dry-run")
    small = ("--backbone", "resnet18", "--weights", "none", "--set", f"difficult={difficult}")
    done = bench(tmp_path, None, "run", *asked, *small)
    assert done.exit_code == 0, done.output
    said = [line.removeprefix("note: ") for line in done.output.splitlines() if "difficult" in line]
    assert said == notes


def test_nothing_is_said_where_every_label_is_known(tmp_path: Path) -> None:
    asked = ("--data", unknown(tmp_path / "own"), "--methods", METHODS, "--dry-run")
    table = tmp_path / "own" / "labels.csv"
    table.write_text(table.read_text().replace("-1", "0"))
    done = bench(tmp_path, None, "run", *asked, "--backbone", "resnet18", "--weights", "none")
    assert done.exit_code == 0 and "difficult" not in done.output, done.output
