"""`bench profile data` measures how an index loads and files are checked."""

import re
from pathlib import Path

import pytest

from bench.datasets.index import SplitIndex
from bench.profile.index_load import measure_index
from bench.profile.photographs import make_photographs
from bench.profile.report import load
from bench_command import bench
from trees import write_voc


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    return make_photographs(tmp_path_factory.mktemp("made"), 3)


def test_made_photographs_are_like_photographs(made: SplitIndex, tmp_path: Path) -> None:
    sizes = [made.path(position).stat().st_size for position in range(len(made))]
    assert all(80_000 < size < 130_000 for size in sizes) and len(set(sizes)) == len(sizes)
    again = make_photographs(tmp_path, 1)
    assert again.path(0).read_bytes() == made.path(0).read_bytes()


def test_the_index_is_loaded_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = measure_index(tmp_path, images=3000, repeats=2)
    assert len(found.seconds) == len(found.peak_bytes) == 2
    assert all(0 < alone < whole for alone, whole in zip(found.reading, found.seconds, strict=True))
    # At least the labels, which are an array of bytes.
    assert min(found.peak_bytes) > 3000 * 81 > found.file_bytes > 3000


def assert_complete(output: str, written: Path, images: int, repeats: int) -> None:
    loaded, memory, check = load(written).figures
    assert loaded.what == "index of 209347 images x 81 labels, loaded" and loaded.unit == "s"
    assert re.fullmatch(r"reading its bytes, \d+\.\d MB, \d+% of it", loaded.bound)
    assert memory.unit == "MB" and min(memory.values) > 209347 * 81 / 1e6
    assert check.what == f"check of {16 * images} files on all cores" and check.against == "decoding alone"
    assert check.bound.startswith("reading the bytes, ") and "and then decoding" in check.bound
    assert all(len(figure.values) == repeats for figure in (loaded, memory, check))
    assert all(figure.what in output for figure in (loaded, memory, check))
    assert re.search(r"checked: \d+ images/s; decoding alone: \d+ images/s", output)
    assert f"{repeats} repeats" in output and re.search(r"\d+\.\d\d times as fast", output)


def test_the_command_on_made_pictures(tmp_path: Path) -> None:
    arguments = ("--images", "3", "--repeats", "2", "--out", "data.json")
    done = bench(tmp_path, None, "profile", "data", *arguments)
    assert done.exit_code == 0, done.output
    assert_complete(done.output, tmp_path / "data.json", images=3, repeats=2)
    assert re.search(r"\d \[\d", done.output), "the spread of the repeats"


def test_the_command_on_a_data_set(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=6, test=2, size=(200, 150))
    arguments = ("--data", "voc2007", "--images", "4", "--repeats", "1", "--out", "data.json")
    done = bench(tmp_path / "run", tmp_path / "data", "profile", "data", *arguments)
    assert done.exit_code == 0, done.output
    assert_complete(done.output, tmp_path / "run" / "data.json", images=4, repeats=1)
    assert "4 images of voc2007" in done.output


def test_an_unknown_data_set_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "data", "--data", "voc2070")
    assert done.exit_code == 2 and "voc2070" in done.output
