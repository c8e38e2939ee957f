"""`bench profile growth` and `bench profile memory`: what grows, what an evaluation takes."""

import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench.methods.catalog import METHODS
from bench.profile.evaluation_memory import measure_evaluation_memory
from bench.profile.report import load
from bench_command import bench

SMALL = ("--rows", "500,1000", "--labels", "5,10", "--sides", "32,64", "--no-records", "--repeats", "1")


def test_the_command_measures_everything_that_grows_and_draws_it(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "growth", *SMALL, "--out", "growth.json", "--plot", "growth.png")
    assert done.exit_code == 0, done.output
    growth = load(tmp_path / "growth.json").growth
    assert {one.against for one in growth} == {"images", "labels", "pixels per side"}
    heads = {one.what.split(",")[0] for one in growth if one.what.startswith("head of")}
    assert heads == {f"head of {name}" for name in (*METHODS, "resnet/pool=max")}
    assert all(len(one.sizes) == 2 and min(one.values) > 0 for one in growth)
    # Memory is counted, not timed, so its exponents can be told.
    kept = {one.what: one.slope() for one in growth if one.unit == "MB" and one.against == "pixels per side"}
    assert list(kept.values()) == [pytest.approx(2, abs=0.2)]
    assert len(re.findall(r"exponent -?\d+\.\d\d;", done.output)) == len(growth)
    assert Image.open(tmp_path / "growth.png").width > 1000


def test_a_whole_model_may_read_two_maps(tmp_path: Path) -> None:
    small = ("--rows", "10,20", "--labels", "3,5", "--sides", "64,96", "--no-records", "--repeats", "1")
    done = bench(tmp_path, None, "profile", "growth", "--methods", "tdrg", *small, "--out", "growth.json")
    assert done.exit_code == 0, done.output
    whole = [one for one in load(tmp_path / "growth.json").growth if one.against == "pixels per side"]
    assert [one.what for one in whole] == [
        f"tdrg on torchvision/resnet18, {what}" for what in ("scoring", "kept for the backward pass")
    ]
    assert all(one.values[0] < one.values[1] for one in whole if one.unit == "MB")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("resnet", "timm/test_vit", "96,100"), "cannot take images of 100 pixels"),
        (("tdrg", "timm/test_vit", "96,160"), "has no map of twice the resolution"),
        (("resnet", "resnet18a", "64,96"), "Unknown backbone 'resnet18a'"),
    ],
)
def test_a_model_that_there_is_not_is_said_before_anything_is_measured(
    asked: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    options = [
        part for pair in zip(("--methods", "--backbone", "--sides"), asked, strict=True) for part in pair
    ]
    done = bench(tmp_path, None, "profile", "growth", *options, "--no-records")
    assert done.exit_code == 2 and said in done.output and "measured" not in done.output, done.output
    assert "Traceback" not in done.output and done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--rows", "1000,1000", "at least 2 different whole numbers"),
        ("--labels", "20,many", "'20,many'"),
        ("--sides", "8,64", "from 32 on"),
        ("--plot", "growth.txt", "ends with neither .png nor .svg"),
        ("--methods", "resnett", "resnett"),
    ],
)
def test_a_wrong_option_is_named(option: str, value: str, said: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "growth", option, value)
    assert done.exit_code == 2 and said in done.output, done.output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets the mark of resident memory")
def test_an_evaluation_takes_a_few_times_its_logits(tmp_path: Path) -> None:
    scored, resampled = measure_evaluation_memory(tmp_path, "made", images=5_000, classes=100, repeats=1)
    logits = 5_000 * 100 * 4 / 1e6
    for figure in (scored, resampled):
        assert logits < figure.values[0] < 40 * logits and figure.kept(), figure


def test_a_wrong_size_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "memory", "--sizes", "100")
    assert done.exit_code == 2 and "'100' is no size such as 10000x500" in done.output
