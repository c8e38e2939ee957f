"""`bench profile ranks` trains by several processes and by one, in turn."""

from pathlib import Path

import pytest

from bench.profile.ranks import Shared
from bench.profile.report import load
from bench_command import bench


@pytest.mark.slow
def test_the_command_measures_both_and_writes_what_it_found(tmp_path: Path) -> None:
    small = ("--backbone", "timm/test_byobnet", "--image-size", "64", "--batch", "4", "--steps", "2")
    asked = ("--epochs", "1", "--repeats", "1", "--device", "cpu", "--out", "ranks.json")
    done = bench(tmp_path, None, "profile", "ranks", *small, *asked)
    assert done.exit_code == 0, done.output
    report = load(tmp_path / "ranks.json")
    (figure,) = report.figures
    assert figure.what == "resnet: training an image, timm/test_byobnet at 64, batch 4, 2 processes"
    assert min(figure.values + figure.beside) > 0 and figure.times()


def test_both_are_asked_for_alike_but_for_the_processes() -> None:
    shared = Shared("resnet18", 64, 8, 2, 1, "cpu")
    one, two = (shared.arguments("resnet", count, Path("results")) for count in (1, 2))
    assert [pair for pair in zip(one, two, strict=True) if len(set(pair)) > 1] == [("1", "2")]
