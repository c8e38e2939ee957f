"""`bench labels graph`: exact against published counts, whatever the order of their classes."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.locate import dataset_info
from bench.datasets.open import prepare_both
from bench.labels import count_labels
from bench_command import bench
from trees import write_annotation, write_own_csv


def save(path: Path, counts: np.ndarray, pairs: np.ndarray) -> str:
    np.savez(path, nums=counts, adj=pairs)
    return str(path)


def counted(own: Path) -> tuple[np.ndarray, np.ndarray]:
    return count_labels(prepare_both(dataset_info(str(own)), own.parent)[0].index.labels)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Classes that are not in alphabetical order: odd, even, low."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    path = write_own_csv(tmp_path / "own")
    path.write_text(path.read_text() + "classes: [odd, even, low]\n")
    return path


def test_published_counts_are_compared_in_both_orders(own: Path, tmp_path: Path) -> None:
    counts, pairs = counted(own)
    alphabetical = [1, 2, 0]
    same = save(tmp_path / "same.npz", counts, pairs)
    moved = save(tmp_path / "moved.npz", counts[alphabetical], pairs[np.ix_(alphabetical, alphabetical)])
    other = save(tmp_path / "other.npz", counts + np.eye(3, dtype=int)[1], pairs)
    expected = {
        same: "the same counts of labels and pairs, in the order of the classes",
        moved: "the same counts of labels and pairs, in alphabetical order",
        other: "1 of 3 labels and 0 pairs are counted otherwise, 12 labels here and 13 there",
    }
    for file, sentence in expected.items():
        done = bench(tmp_path, None, "labels", "graph", str(own), "--compare", file)
        assert done.exit_code == 0 and f"{file}: " in done.output and sentence in done.output, done.output
    wrong = save(tmp_path / "wrong.npz", counts[:2], pairs[:2, :2])
    refused = bench(tmp_path, None, "labels", "graph", str(own), "--compare", wrong)
    assert refused.exit_code == 2 and "is of 2 classes" in refused.output


def test_no_image_is_needed(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own")
    for picture in (own.parent / "photos").iterdir():
        picture.unlink()
    done = bench(tmp_path, None, "labels", "graph", str(own))
    assert done.exit_code == 0 and "low: 4 images" in done.output


def test_the_whole_voc2007_lists_give_the_graph_published_with_ml_gcn(shared: Path, tmp_path: Path) -> None:
    devkit = tmp_path / "data" / "VOCdevkit" / "VOC2007"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (devkit / part).mkdir(parents=True)
    for split in ("trainval", "test"):
        with gzip.open(
            shared / "realdata" / "labels" / "voc2007_imagesets" / f"{split}.csv.gz", "rt"
        ) as file:
            rows = {row.pop("image"): row for row in csv.DictReader(file)}
        (devkit / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{image}\n" for image in rows))
        for image, row in rows.items():
            objects = [(name, int(value == "0")) for name, value in row.items() if value != "-1"]
            write_annotation(devkit / "Annotations" / f"{image}.xml", objects)
    published = shared / "realdata" / "graphs" / "mlgcn_voc_adj.npz"
    done = bench(tmp_path, tmp_path / "data", "labels", "graph", "voc2007", "--compare", str(published))
    assert done.exit_code == 0, done.output
    assert "the same counts of labels and pairs, in the order of the classes" in done.output
    assert "voc2007 trainval: 5011 images" in done.output and "aeroplane: 238 images" in done.output
    prepared = bench(tmp_path, tmp_path / "data", "data", "prepare", "voc2007")
    assert "trainval: 5011 images, 7306 positive and 607 difficult" in prepared.output
    assert "test: 4952 images, 7013 positive and 619 difficult" in prepared.output
    assert "differs" not in prepared.output
