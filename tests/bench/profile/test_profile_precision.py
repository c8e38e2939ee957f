"""`bench profile precision` trains each head in fp32 and in bf16 in turn."""

import re
from pathlib import Path

import pytest

from bench.profile.report import Report
from bench_command import bench

SMALL = ("--map", "3", "--channels", "16", "--batch", "2", "--classes", "4")


def test_the_command_measures_every_method_in_both_precisions(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "precision", "--repeats", "2", *SMALL)
    assert done.exit_code == 0, done.output
    assert "features 2x16x3x3, 4 classes, cpu" in done.output and "2 repeats" in done.output
    assert re.search(r"^matrix product .* ratio \d+\.\d\d$", done.output, re.M)
    for method in ("resnet", "ml-gcn", "ssgrl", "add-gcn", "salgl"):
        assert re.search(rf"^{method}( +\d+\.\d){{2}} +\d+\.\d\d +\d+ +\d+%$", done.output, re.M), method


def test_what_was_measured_is_written_beside_the_aims(tmp_path: Path) -> None:
    asked = ("profile", "precision", "--methods", "resnet,ssgrl", "--repeats", "3", *SMALL)
    done = bench(tmp_path, None, *asked, "--out", "bf16.json")
    assert done.exit_code == 0 and "Written to bf16.json." in done.output, done.output
    report = Report.model_validate_json((tmp_path / "bf16.json").read_text())
    assert [one.least for one in report.figures] == [None, 2.5]
    for figure, method in zip(report.figures, ("resnet", "ssgrl"), strict=True):
        assert f": {method}, 4 classes, 2x16x3x3" in figure.what and len(figure.values) == 3
        shown = re.search(rf"^{method} +(\d+\.\d) +(\d+\.\d) ", done.output, re.M)
        assert shown, "in images per second: two of a batch"
        for rate, taken in zip(shown.groups(), (figure.beside, figure.values), strict=True):
            assert 2000 / float(rate) == pytest.approx(sorted(taken)[1], rel=0.01)


def test_a_wrong_device_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "precision", "--device", "tpu")
    assert done.exit_code == 2 and "'tpu'" in done.output, done.output
