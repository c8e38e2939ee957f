"""Unpacking: archives from strangers, damaged ones, full disks, and two archives into one tree."""

import io
import os
import resource
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bench.datasets.fetch import extract as module
from bench.datasets.fetch.extract import unpack
from bench.errors import UserError

Files = dict[str, bytes]
KINDS = ["tar", "tar.gz", "zip"]
HONEST = {"VOCdevkit/VOC2007/JPEGImages/1.jpg": b"one", "VOCdevkit/VOC2007/ImageSets/Main/train.txt": b"1\n"}


def make(path: Path, files: Files) -> Path:
    """An archive of the kind that its name says, with any names at all."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def make_odd(path: Path, kind: bytes, target: str) -> Path:
    """A tar with an honest file and a member of another kind."""
    with tarfile.open(make(path, HONEST), "a") as tar:
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, target
        tar.addfile(member)
    return path


def tree(folder: Path) -> Files:
    """Every file below a folder, hidden ones and links too."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_out_and_progress_is_told(kind: str, tmp_path: Path) -> None:
    files = {**HONEST, "./VOCdevkit/empty.txt": b"", "big.bin": os.urandom(3_000_000)}
    archive = make(tmp_path / f"data.{kind}", files)
    told: list[tuple[int, int | None]] = []
    found = unpack(archive, tmp_path / "root", progress=lambda *state: told.append(state))
    assert tree(tmp_path / "root") == {str(Path(name)): content for name, content in files.items()}
    assert sorted(found) == sorted(tree(tmp_path / "root"))
    assert told[-1] == (sum(map(len, files.values())),) * 2
    assert archive.is_file()


def test_empty_folders_and_modes(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        folder = tarfile.TarInfo("Annotations")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o555
        tar.addfile(folder)
        program = tarfile.TarInfo("Annotations/program")
        program.mode, program.uid = 0o4777, 12345
        tar.addfile(program)
    unpack(tmp_path / "data.tar", tmp_path / "root")
    made = (tmp_path / "root/Annotations/program").stat()
    assert not made.st_mode & (stat.S_ISUID | stat.S_IXUSR), "nothing that is run comes out of a data set"
    assert made.st_uid == os.getuid()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["../evil", "VOCdevkit/../../evil", "/evil", "//evil", "C:/evil", r"C:\evil", r"\\host\evil", ".."],
)
def test_names_that_lead_outside_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    archive = make(tmp_path / f"data.{kind}", {**HONEST, name: b"evil"})
    before = tree(tmp_path)
    with pytest.raises(UserError, match=r"leads out of the folder.*nothing was unpacked") as caught:
        unpack(archive, tmp_path / "a" / "root")
    assert name in str(caught.value)
    assert str(archive) in str(caught.value)
    assert tree(tmp_path) == before
    assert not Path("/evil").exists()


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../secret", "VOCdevkit/VOC2007/JPEGImages/1.jpg", "VOCdevkit", "."]
)
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(kind: bytes, target: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    archive = make_odd(tmp_path / "data.tar", kind, target)
    before = tree(tmp_path)
    with pytest.raises(UserError, match=r"'odd' in .*data\.tar is a link: nothing was unpacked"):
        unpack(archive, tmp_path / "a" / "root")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = make_odd(tmp_path / "data.tar", kind, "")
    with pytest.raises(UserError, match=r"'odd' in .* is neither a file nor a folder"):
        unpack(archive, tmp_path / "root")
    assert not tree(tmp_path / "root")


@pytest.mark.parametrize(("mode", "said"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "is neither a file")])
def test_links_and_devices_in_a_zip_are_refused(mode: int, said: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(make(tmp_path / "data.zip", HONEST), "a") as packed:
        member = zipfile.ZipInfo("odd")
        member.create_system, member.external_attr = 3, (mode | 0o777) << 16
        packed.writestr(member, "../../secret")
    with pytest.raises(UserError, match=f"'odd' in .* {said}"):
        unpack(tmp_path / "data.zip", tmp_path / "root")
    assert not tree(tmp_path / "root")


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_a_bomb_is_refused_before_anything_is_written(kind: str, tmp_path: Path) -> None:
    archive = make(tmp_path / f"data.{kind}", {**HONEST, "bomb": bytes(20_000_000)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(UserError, match=r"unpacks to more than \d+ bytes, .*do not trust"):
        unpack(archive, tmp_path / "root")
    assert not tree(tmp_path / "root")
    with pytest.raises(UserError, match="unpacks to more than 20000004 bytes"):
        unpack(archive, tmp_path / "root", largest=20_000_004)
    unpack(archive, tmp_path / "root", largest=20_000_005)
    assert (tmp_path / "root" / "bomb").stat().st_size == 20_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_archive_is_named_and_leaves_the_tree_as_it_was(kind: str, tmp_path: Path) -> None:
    unpack(make(tmp_path / "first.tar", HONEST), tmp_path / "root")
    before = tree(tmp_path / "root")
    archive = make(
        tmp_path / f"second.{kind}", {"VOCdevkit/a": os.urandom(50_000), "VOCdevkit/b": b"b" * 50_000}
    )
    whole = archive.read_bytes()
    changed = whole[:20_000] + bytes(1000) + whole[21_000:]
    # A plain tar has no checksum of its contents; the hash of the download sees to that.
    for damaged in (whole[:30_000], b"<html>not found</html>", *([changed] if kind != "tar" else [])):
        archive.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"second\.{kind} is (damaged|neither).*remove it and download"):
            unpack(archive, tmp_path / "root")
        assert tree(tmp_path / "root") == before


def test_an_encrypted_zip(tmp_path: Path) -> None:
    archive = make(tmp_path / "data.zip", HONEST)
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match="encrypted"):
        unpack(archive, tmp_path / "root")
    assert not tree(tmp_path / "root")


def test_two_archives_merge_into_one_tree(tmp_path: Path) -> None:
    root = tmp_path / "root"
    mine = root / "VOCdevkit" / "VOC2007" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    (root / "VOCdevkit/VOC2007/JPEGImages").mkdir()
    (root / "VOCdevkit/VOC2007/JPEGImages/1.jpg").write_bytes(b"half of o")
    other = {"VOCdevkit/VOC2007/JPEGImages/2.jpg": b"two", "VOCdevkit/VOC2007/Annotations/2.xml": b"<xml/>"}
    unpack(make(tmp_path / "trainval.tar", HONEST), root)
    unpack(make(tmp_path / "test.zip", other), root)
    assert tree(root) == {**HONEST, **other, "VOCdevkit/VOC2007/mine.txt": b"mine"}


def test_a_file_is_never_put_in_the_place_of_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    archive = make(tmp_path / "data.tar", {"a/first": b"1", "b/c": b"2"})
    (root / "b" / "c").mkdir(parents=True)
    with pytest.raises(UserError, match=r"root/b/c is a folder here and a file in the archive"):
        unpack(archive, root)
    (root / "b" / "c").rmdir()
    (root / "b").rmdir()
    (root / "b").write_text("mine")
    with pytest.raises(UserError, match=r"root/b is a file here and a folder in the archive"):
        unpack(archive, root)
    assert tree(root) == {"b": b"mine"}
    with pytest.raises(UserError, match="damaged"):
        unpack(make(tmp_path / "odd.tar", {"x": b"1", "x/y": b"2"}), root)


def test_a_folder_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    place = other / f"{tmp_path.parent.name}-{tmp_path.name}-{os.getpid()}"
    place.mkdir()
    try:
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "VOCdevkit").symlink_to(place)
        unpack(make(tmp_path / "data.tar", HONEST), tmp_path / "root")
        assert {f"VOCdevkit/{name}": content for name, content in tree(place).items()} == HONEST
        assert [path.name for path in (tmp_path / "root").iterdir()] == ["VOCdevkit"]
    finally:
        subprocess.run(["rm", "-r", str(place)], check=True)


CHILD = """
import os, sys
from pathlib import Path
from bench.datasets.fetch import extract as module
from bench.datasets.fetch.extract import unpack
from bench.errors import UserError
def progress(done, total):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), 9)
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]), progress=progress)
except UserError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_half(tmp_path: Path) -> None:
    unpack(make(tmp_path / "first.tar", HONEST), tmp_path / "root")
    archive = make(tmp_path / "data.tar", {"VOCdevkit/small": b"1", "VOCdevkit/big": os.urandom(200_000)})
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(archive), str(tmp_path / "root"), "1000000000"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "The disk is full: data.tar was not unpacked" in done.stdout
    assert tree(tmp_path / "root") == HONEST
    assert not list((tmp_path / "root").glob(".*"))
    unpack(archive, tmp_path / "root")
    assert len(tree(tmp_path / "root")) == 4


def test_a_killed_process_leaves_no_half_file_in_the_tree(tmp_path: Path) -> None:
    files = {f"VOCdevkit/{number}": os.urandom(10_000) for number in range(20)}
    archive = make(tmp_path / "data.tar", files)
    (tmp_path / "root").mkdir()
    done = subprocess.run([sys.executable, "-c", CHILD, str(archive), str(tmp_path / "root"), "100000"])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "root" / "VOCdevkit").exists()
    assert [path.name for path in (tmp_path / "root").iterdir()] == [".unpacking-data.tar"]
    unpack(archive, tmp_path / "root")
    assert tree(tmp_path / "root") == files


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_of_files_without_end_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENTRIES", 100)
    archive = make(tmp_path / f"many.{kind}", {f"{number}.jpg": b"" for number in range(101)})
    with pytest.raises(UserError, match="holds more than 100 files"):
        unpack(archive, tmp_path / "tree")
    assert tree(tmp_path / "tree") == {}


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000 + "b", ".", "./."])
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_no_file_can_have_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    archive = make(tmp_path / f"odd.{kind}", {**HONEST, name: b"x"})
    with pytest.raises(UserError) as refused:
        unpack(archive, tmp_path / "tree")
    said = "is damaged" if len(name) > 3 else f"'{name}' in {archive} names no file: nothing was unpacked"
    assert said in str(refused.value) and len(str(refused.value)) < 1000
    assert tree(tmp_path / "tree") == {}
