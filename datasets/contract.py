"""What every data set must do: tests for one that is built in or comes from outside.

A subclass

    class TestBirds(DatasetContract):
        def make(self, folder):
            write_my_small_tree(folder)
            return str(folder / "birds.yaml"), None

        labels = {"a.jpg": {"robin": 1, "crow": 1}}

in any test module is enough; pytest finds the tests by their names and gives them their arguments.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.datasets.index import SplitIndex
from bench.datasets.open import open_dataset, prepare_both
from bench.datasets.opened import DataSet
from bench.datasets.pictures.read import read_image


class DatasetContract:
    """Tests of one data set, on a small tree in its layout.

    Attributes:
        labels: of some images, by id: the value (1 positive, 0 difficult) of every class that is not
            negative.
    """

    labels: ClassVar[Mapping[str, Mapping[str, int]]]

    def make(self, folder: Path) -> tuple[str, Path | None]:
        """Write a small tree into an empty folder; returns the name of the data set and its data root."""
        raise NotImplementedError

    def opened(self, tmp_path: Path, monkeypatch: Any) -> DataSet:
        """The data set, made and opened with an empty work folder."""
        (tmp_path / "data").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "data")
        monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
        name, root = self.make(tmp_path / "data")
        return open_dataset(name, root)

    def test_the_class_order_is_part_of_the_definition(self, tmp_path: Path, monkeypatch: Any) -> None:
        """Every column is one class, and the labels of known images stand in the right columns."""
        dataset = self.opened(tmp_path, monkeypatch)
        classes = dataset.info.classes
        assert len(set(classes)) == len(classes) > 0, "class names are unique"
        rows = {
            image: row
            for index in (dataset.train, dataset.eval)
            for image, row in zip(index.ids, index.labels, strict=True)
        }
        assert self.labels, "give the labels of at least one image"
        for image, expected in self.labels.items():
            found = {classes[c]: int(rows[image][c]) for c in np.flatnonzero(rows[image] >= 0)}
            assert found == dict(expected), image

    def test_splits_are_disjoint_and_labels_are_valid(self, tmp_path: Path, monkeypatch: Any) -> None:
        """No image twice, and labels are 1, 0 or -1."""
        dataset = self.opened(tmp_path, monkeypatch)
        ids = [*dataset.train.ids, *dataset.eval.ids]
        assert len(set(ids)) == len(ids)
        for index in (dataset.train, dataset.eval):
            assert index.labels.dtype == np.int8
            assert index.labels.shape == (len(index), len(dataset.info.classes))
            assert set(np.unique(index.labels)) <= {-1, 0, 1}
        assert (dataset.train.labels == 1).any(), "something can be learned"

    def test_every_image_is_readable(self, tmp_path: Path, monkeypatch: Any) -> None:
        """Each path leads to a picture, whose checksum was taken."""
        dataset = self.opened(tmp_path, monkeypatch)
        assert dataset.skipped == ()
        for index in (dataset.train, dataset.eval):
            assert index.checksums.all()
            for position in range(len(index)):
                assert min(read_image(index.path(position)).size) > 0

    def test_the_index_makes_the_round_trip(self, tmp_path: Path, monkeypatch: Any) -> None:
        """Stored and loaded it is the same, and it is read from the annotations only once."""
        dataset = self.opened(tmp_path, monkeypatch)
        for index in (dataset.train, dataset.eval):
            index.save(tmp_path / "index.npz", {"data set": dataset.info.name})
            loaded, stamp = SplitIndex.load(tmp_path / "index.npz", index.root)
            assert stamp == {"data set": dataset.info.name}
            assert (loaded.ids, loaded.files, loaded.root) == (index.ids, index.files, index.root)
            assert loaded.fingerprint() == index.fingerprint()
        assert not any(prepared.read for prepared in prepare_both(dataset.info, dataset.root))

    def test_equal_data_is_equal_wherever_it_lies(self, tmp_path: Path, monkeypatch: Any) -> None:
        """Made twice, in two folders, it has the same images in the same order and the same fingerprint."""
        first = self.opened(tmp_path / "first", monkeypatch)
        second = self.opened(tmp_path / "second", monkeypatch)
        assert second.fingerprint() == first.fingerprint()
        assert (second.train.ids, second.train.files) == (first.train.ids, first.train.files)
        assert second.info.classes == first.info.classes
