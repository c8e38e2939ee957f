"""Every data set under the one contract."""

from pathlib import Path
from typing import Any

import PIL
import pytest

from bench.datasets.contract import DatasetContract
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.records.record import Record
from places import ROOT
from trees import write_own_csv, write_voc


class TestVOC2007(DatasetContract):
    labels = {"000003": {"cow": 1, "motorbike": 0, "person": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_voc(folder)
        return "voc2007", folder


class TestVOC2012(DatasetContract):
    labels = TestVOC2007.labels

    def make(self, folder: Path) -> tuple[str, Path | None]:
        devkit = write_voc(folder)
        devkit.rename(devkit.with_name("VOC2012"))
        return "voc2012", folder


class TestVOC2012Server(TestVOC2012):
    def make(self, folder: Path) -> tuple[str, Path | None]:
        super().make(folder)
        for number in range(9, 15):
            (folder / "VOCdevkit" / "VOC2012" / "Annotations" / f"{number:06d}.xml").unlink()
        return "voc2012-server", folder


class TestOwnCSV(DatasetContract):
    labels = {"1.jpg": {"odd": 1, "low": 1}, "8.jpg": {"even": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_own_csv(folder / "own")), None


class TestOwnCSVWithMadeSplits(DatasetContract):
    labels = TestOwnCSV.labels

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_own_csv(folder / "own", split=False)), None


@pytest.mark.slow
class TestScenes(DatasetContract):
    labels = {"000001": {"lamp": 1, "person": 1}, "000002": {"ball": 1, "bicycle": 1, "bird": 1, "dog": 1}}

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("scenes")

    @pytest.fixture(autouse=True)
    def _drawn_once(self, made: Path) -> None:
        self.work = made

    def opened(self, tmp_path: Path, monkeypatch: Any) -> DataSet:
        monkeypatch.setenv("BENCH_WORK", str(self.work))
        return open_dataset("scenes")

    def test_the_committed_records_are_of_these_pictures(self, tmp_path: Path, monkeypatch: Any) -> None:
        """New splits, or a new way to draw, must not change a byte of the old ones."""
        files = sorted((ROOT / "results" / "runs").glob("scenes-resnet-s0-*/record.json"))
        record = Record.model_validate_json(files[0].read_bytes())
        made_with = record.environment.versions["pillow"]
        if PIL.__version__ != made_with:
            pytest.skip(f"the records are of pictures that Pillow {made_with} drew, not {PIL.__version__}")
        assert self.opened(tmp_path, monkeypatch).fingerprint() == record.cell.data_fingerprint
