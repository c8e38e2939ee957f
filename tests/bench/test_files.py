"""Files that are written: whole or absent, with the permissions that the user gives to files."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.files import atomic_path, temporary_folder, write_text


@pytest.fixture(params=[0o022, 0o007, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_permissions_follow_the_umask(umask: int, tmp_path: Path) -> None:
    write_text(tmp_path / "table.md", "text")
    with temporary_folder(tmp_path, "features") as folder:
        folder.rename(tmp_path / "features")
    assert (tmp_path / "table.md").stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / "features").stat().st_mode & 0o777 == 0o777 & ~umask


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("before")
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "kept.txt") as path:
        path.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), temporary_folder(tmp_path, "features") as folder:
        (folder / "half").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert (tmp_path / "kept.txt").read_text() == "before"


def test_a_name_that_is_no_utf8_is_written_as_its_escape(tmp_path: Path) -> None:
    name = os.fsdecode(b"lat\xe9.jpg")
    write_text(tmp_path / "out.json", json.dumps({"picture": name}, ensure_ascii=False))
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {"picture": name}
