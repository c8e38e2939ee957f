"""`bench profile data` measures how an index loads and files are checked."""

import re
from pathlib import Path

import pytest

from bench.datasets.index import SplitIndex
from bench.profile.index_load import measure_index
from bench.profile.photographs import make_photographs
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
    found = measure_index(tmp_path, images=3000)
    assert found.seconds > 0
    # At least the labels, which are an array of bytes.
    assert found.peak_bytes > 3000 * 81 > found.file_bytes > 3000


def assert_complete(output: str, images: int) -> None:
    assert re.search(r"loaded in \d+\.\d\d s, with \d+ MB", output)
    assert re.search(rf"check of {16 * images} files", output)
    assert re.search(r"\d+ images/s; decoding alone: \d+ images/s; ratio \d+\.\d\d", output)


def test_the_command_on_made_pictures(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "data", "--images", "3", "--repeats", "2")
    assert done.exit_code == 0, done.output
    assert_complete(done.output, images=3)


def test_the_command_on_a_data_set(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=6, test=2, size=(200, 150))
    arguments = ("--data", "voc2007", "--images", "4", "--repeats", "1")
    done = bench(tmp_path / "run", tmp_path / "data", "profile", "data", *arguments)
    assert done.exit_code == 0, done.output
    assert_complete(done.output, images=4)


def test_an_unknown_data_set_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "data", "--data", "voc2070")
    assert done.exit_code == 2 and "voc2070" in done.output
