"""`bench profile precision` trains each head in fp32 and in bf16 in turn."""

import re
from pathlib import Path

from bench_command import bench

SMALL = ("--map", "3", "--channels", "16", "--batch", "2", "--classes", "4")


def test_the_command_measures_every_method_in_both_precisions(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "precision", "--repeats", "2", *SMALL)
    assert done.exit_code == 0, done.output
    assert "features 2x16x3x3, 4 classes, cpu" in done.output and "2 repeats" in done.output
    assert re.search(r"^matrix product .* ratio \d+\.\d\d$", done.output, re.M)
    for method in ("resnet", "ml-gcn", "ssgrl", "add-gcn", "salgl"):
        assert re.search(rf"^{method}( +\d+\.\d){{2}} +\d+\.\d\d +\d+ +\d+%$", done.output, re.M), method


def test_a_wrong_device_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "precision", "--device", "tpu")
    assert done.exit_code == 2 and "'tpu'" in done.output, done.output
