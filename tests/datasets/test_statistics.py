"""What `bench data` and `bench labels` say of a split."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.catalog import DATASETS
from bench.datasets.index import SplitIndex
from bench.datasets.info import Counts
from bench.datasets.statistics import describe_split, differences
from bench_command import bench
from trees import write_voc


def split_of(labels: list[list[int]]) -> SplitIndex:
    ids = tuple(str(number) for number in range(len(labels)))
    checksums = np.arange(len(ids), dtype=np.uint32)
    return SplitIndex(ids, Path(), ids, np.array(labels, dtype=np.int8), checksums)


def test_a_split_is_counted() -> None:
    found = describe_split(split_of([[1, 1, -1], [1, 1, 0], [1, -1, 1], [-1, -1, -1]]))
    assert (found.images, found.positives, found.difficult) == (4, 6, 1)
    assert found.labels_per_image == (1, 0, 3)
    assert found.frequency == (3, 2, 1)
    assert found.pairs == ((0, 1, 2), (0, 2, 1))


def test_only_published_counts_that_differ_are_named() -> None:
    found = describe_split(split_of([[1, -1], [0, 1]]))
    assert differences(found, Counts(2, 2, 1)) == []
    assert differences(found, Counts(2)) == []
    assert differences(found, Counts(3, 2, 2)) == [
        "2 images instead of the published 3",
        "1 difficult labels instead of the published 2",
    ]


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_the_whole_official_lists_have_the_published_counts(split: str, shared: Path) -> None:
    (path,) = (shared / "realdata" / "labels" / "voc2007_imagesets").glob(f"*{split}.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = [[int(value) for value in row[1:]] for row in list(csv.reader(file))[1:]]
    assert differences(describe_split(split_of(rows)), DATASETS["voc2007"].counts[split]) == []


def test_check_names_bad_files_and_differing_counts_and_says_so_by_its_status(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path / "data", train=8, test=6)
    (devkit / "JPEGImages" / "000003.jpg").write_bytes(b"\xff\xd8 not a picture")
    done = bench(tmp_path, tmp_path / "data", "data", "check", "voc2007")
    assert done.exit_code == 1
    assert "cannot be used: 000003" in done.output
    assert "trainval: 7 images instead of the published 5011" in done.output
    assert "1 files cannot be used, 6 counts differ" in done.output


def test_a_complete_data_set_passes_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voc(tmp_path / "data", train=8, test=6)
    from dataclasses import replace

    small = replace(DATASETS["voc2007"], counts={"trainval": Counts(8), "test": Counts(6)})
    monkeypatch.setitem(DATASETS, "voc2007", small)
    done = bench(tmp_path, tmp_path / "data", "data", "check", "voc2007")
    assert done.exit_code == 0 and "0 files cannot be used, 0 counts differ" in done.output


def test_stats_and_graph_show_what_was_counted(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=6)
    stats = bench(tmp_path, tmp_path / "data", "data", "stats", "voc2007").output
    assert "trainval: 8 images" in stats and "test: 6 images" in stats
    assert "person              4  50.00 %" in stats
    graph = bench(tmp_path, tmp_path / "data", "labels", "graph", "voc2007")
    assert graph.exit_code == 0 and "person: 4 images" in graph.output
    assert "labels that never occur in training: " in graph.output


def test_voc2012_is_read_by_the_same_reader(shared: Path, tmp_path: Path) -> None:
    done = bench(tmp_path, shared / "realdata", "data", "check", "voc2012")
    assert done.exit_code == 1, "the shared tree holds 100 of the photographs"
    assert "0 files cannot be used, 2 counts differ" in done.output
    assert "train: 50 images instead of the published 5717" in done.output
