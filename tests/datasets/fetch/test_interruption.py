"""A download that is killed, a disk that is full, two commands at once."""

import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.datasets.fetch.disk import exclusive
from bench.datasets.fetch.download import download
from bench.datasets.fetch.sources import Archive
from bench.errors import UserError
from file_server import CONTENT, NAME, FileServer, Served, archive_of, file_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server, and no proxy in between."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with file_server() as running:
        yield running


CHILD = """
import sys
from pathlib import Path
from bench.datasets.fetch.download import download
from bench.datasets.fetch.sources import Archive
from bench.errors import UserError
url, size, digest, target = sys.argv[1:]
try:
    download(Archive(url, int(size) if size else None, digest or None, "."), Path(target))
except UserError as error:
    print(error)
    for path in sorted(Path(target).parent.iterdir()):
        print(path.name, path.stat().st_size)
"""


def child(archive: Archive, target: Path) -> list[str]:
    """The command line of a download in a process of its own."""
    return [
        sys.executable,
        "-c",
        CHILD,
        archive.url,
        str(archive.size or ""),
        archive.hash or "",
        str(target),
    ]


def test_a_killed_process_is_gone_on_from(server: FileServer, tmp_path: Path) -> None:
    hold = threading.Event()
    served = server.files[NAME] = Served(CONTENT, cuts=[400_000], hold=hold)
    process = subprocess.Popen(child(archive_of(server), tmp_path / NAME))
    part = tmp_path / f"{NAME}.part"
    until = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size == 400_000):
        assert time.monotonic() < until, "nothing arrived"
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    hold.set()
    assert not (tmp_path / NAME).exists()
    download(archive_of(server), tmp_path / NAME)
    assert served.asked == [None, "bytes=400000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_full_disk_keeps_what_has_arrived(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT)
    done = subprocess.run(
        child(archive_of(server), tmp_path / NAME),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"The disk is full: 300.0 kB of {NAME} are kept in {tmp_path / NAME}.part" in done.stdout
    assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[:300_000]
    download(archive_of(server), tmp_path / NAME)
    assert served.asked == [None, "bytes=300000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_disk_that_is_really_full(server: FileServer, tmp_path: Path) -> None:
    """A file system of 512 kB, in a name space of its own so that nobody's rights are needed."""
    mount = f'mount -t tmpfs -o size=512k none "{tmp_path}"'
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*own, mount], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a small file system")

    def said(archive: Archive) -> str:
        command = [*own, f'{mount} && exec "$@"', "sh", *child(archive, tmp_path / NAME)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    server.files[NAME] = Served(CONTENT)
    told = said(archive_of(server))
    assert f"{NAME} needs 1.0 MB in {tmp_path}, which has 524.3 kB free" in told
    assert ".part" not in told, "nothing is begun that cannot be finished"

    server.files[NAME] = Served(CONTENT, stated=-1)
    told = said(archive_of(server, size=None, hash=None))
    assert "The disk is full:" in told
    assert "make room and run the command again" in told
    kept = int(told.split(f"{NAME}.part ")[1].split()[0])
    assert 400_000 < kept <= 524_288


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    with exclusive(tmp_path / "data.tar.lock"):
        second = exclusive(tmp_path / "data.tar.lock")
        with pytest.raises(UserError, match=r"Another process is at work on data\.tar"), second:
            pass
        with exclusive(tmp_path / "other.tar.lock"):
            pass
    with exclusive(tmp_path / "data.tar.lock"):
        pass
    assert not list(tmp_path.iterdir()), "no lock file is left"
