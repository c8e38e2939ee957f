"""Unpack a tar or zip archive from a stranger: nothing outside the folder, nothing half.

An archive of a data set holds files and folders. Whatever else one holds is refused before a byte is written:
names that lead out of the folder, links of any kind (a link that stays inside can still be led outside by
another one), devices, and more bytes than stated.
"""

import errno
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from bench.datasets.fetch.disk import FULL, require_space
from bench.errors import UserError, cut, one_line
from bench.files import atomic_path
from bench.progress import Transfer

FACTOR = 20
"""An archive may unpack to this many times its own size, where its unpacked size is not stated."""
ALLOWANCE = 1 << 20
"""Bytes more than that, for small archives, which pack better."""
BLOCK = 1 << 20

ENTRIES = 1_000_000
"""Files and folders that an archive may hold: empty ones take no bytes, but a place each."""

# Of the system, but the fault of what an archive says: a name that is a file and a folder, or none at all.
_ITS_FAULT = frozenset(
    {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)


@dataclass(frozen=True)
class _Entry:
    """A file or folder in an archive; `odd` says what it is where it is neither."""

    name: str
    size: int
    is_folder: bool
    odd: str
    open: Callable[[], IO[bytes] | None]


def unpack(
    archive: Path,
    folder: Path,
    largest: int | None = None,
    progress: Transfer = lambda done, total: None,
) -> list[str]:
    """Unpack an archive into a folder that may hold files already.

    Everything is unpacked into a hidden folder beside first and then moved, whole folders at once where they
    are new, file by file where they exist.

    Args:
        archive: a tar, plain or compressed, or a zip.
        folder: where its files go.
        largest: the bytes that all its files may have; None for 20 times the archive's size.
        progress: told of the bytes as they are written.

    Returns:
        The files, relative to `folder`.

    Raises:
        UserError: the archive is damaged, holds something that is refused, or the disk is full. `folder` is
            as before then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    limit = largest if largest is not None else FACTOR * archive.stat().st_size + ALLOWANCE
    hidden = folder / f".unpacking-{archive.name}"
    # Left by a process that was killed.
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        hidden.mkdir()
        with _read(archive, limit) as found:
            entries = _checked(archive, found, limit)
            _require_kinds(entries, folder)
            total = sum(entry.size for entry in entries)
            require_space(folder, total, f"Unpacking {archive.name}")
            _write(entries, hidden, total, progress)
        for path in sorted(hidden.iterdir()):
            _merge(path, folder / path.name)
    except UserError:
        raise
    except OSError as error:
        # The checksums of gzip and bzip2 fail with an error of the system that has no number.
        if error.errno is None or error.errno in _ITS_FAULT:
            raise _damaged(archive, error) from error
        if error.errno not in FULL:
            raise
        raise UserError(
            f"The disk is full: {archive.name} was not unpacked into {folder}, what was begun is removed and "
            "the archive is kept; make room and run the command again."
        ) from error
    except Exception as error:  # of tarfile, zipfile and what packs, each with kinds of its own
        raise _damaged(archive, error) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return [str(PurePosixPath(entry.name)) for entry in entries if not entry.is_folder]


def _damaged(archive: Path, error: Exception) -> UserError:
    said = cut(one_line(error))
    return UserError(f"The archive {archive} is damaged ({said}): remove it and download it again.")


@contextmanager
def _read(archive: Path, limit: int) -> Iterator[Iterator[_Entry]]:
    # Tar first: a tar whose last file is a zip looks like a zip too.
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield _tar_entries(tar, limit)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield (_zip_entry(packed, member) for member in packed.infolist())
    else:
        raise UserError(f"{archive} is neither a tar nor a zip archive: remove it and download it again.")


def _tar_entries(tar: tarfile.TarFile, limit: int) -> Iterator[_Entry]:
    for member in tar:
        yield _tar_entry(tar, member)
    # The checksum of a compressed tar stands behind what is read of it.
    while tar.fileobj and tar.fileobj.read(BLOCK):
        if tar.fileobj.tell() > limit + tar.offset:
            raise tarfile.ReadError(f"it unpacks to more than {limit} bytes")


def _tar_entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> _Entry:
    link = "a link" if member.issym() or member.islnk() else ""
    odd = "" if member.isreg() or member.isdir() else link or "neither a file nor a folder"
    size = member.size if member.isreg() else 0
    return _Entry(member.name, size, member.isdir(), odd, partial(tar.extractfile, member))


def _zip_entry(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Entry:
    # The upper half holds the mode of a Unix file; its kind is 0 where the archive was made elsewhere.
    kind = stat.S_IFMT(member.external_attr >> 16)
    link = "a link" if kind == stat.S_IFLNK else ""
    odd = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else link or "neither a file nor a folder"
    return _Entry(member.filename, member.file_size, member.is_dir(), odd, partial(packed.open, member))


def _checked(archive: Path, entries: Iterator[_Entry], limit: int) -> list[_Entry]:
    """All entries, or the error for the first that is refused."""
    passed: list[_Entry] = []
    total = 0
    for entry in entries:
        total += entry.size
        name = PurePosixPath(entry.name)
        # The anchor is a drive, a host or the leading slash of an absolute name.
        outside = PureWindowsPath(entry.name).anchor or ".." in name.parts
        reason = entry.odd and f"is {entry.odd}"
        if not name.parts and not entry.is_folder:
            reason = "names no file"
        if outside:
            reason = "leads out of the folder that it is unpacked into"
        if reason:
            raise UserError(
                f"'{cut(entry.name)}' in {archive} {reason}: nothing was unpacked; do not trust that file."
            )
        if total > limit:
            raise UserError(
                f"{archive} unpacks to more than {limit} bytes, which is more than it should: nothing was "
                "unpacked; do not trust that file."
            )
        passed.append(entry)
        if len(passed) > ENTRIES:
            raise UserError(
                f"{archive} holds more than {ENTRIES} files, which is more than it should: nothing was "
                "unpacked; do not trust that file."
            )
    return passed


def _require_kinds(entries: list[_Entry], folder: Path) -> None:
    """Refuse what would put a file in the place of a folder, or the other way round."""
    files = {PurePosixPath(entry.name) for entry in entries if not entry.is_folder}
    folders = {PurePosixPath(entry.name) for entry in entries if entry.is_folder}
    folders |= {parent for path in files | folders for parent in path.parents}
    for path in sorted(folders):
        if (folder / path).is_file():
            raise UserError(f"{folder / path} is a file here and a folder in the archive: move it away.")
    for path in sorted(files):
        if (folder / path).is_dir():
            raise UserError(f"{folder / path} is a folder here and a file in the archive: move it away.")


def _write(entries: list[_Entry], folder: Path, total: int, progress: Transfer) -> None:
    done = 0
    for entry in entries:
        path = folder / entry.name
        if entry.is_folder:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        source = entry.open()
        assert source is not None, "files can be read"
        with source, path.open("wb") as target:
            while block := source.read(BLOCK):
                target.write(block)
                done += len(block)
                progress(done, total)


def _merge(source: Path, target: Path) -> None:
    """Move a file or a folder to a place where there may be one already."""
    if not target.is_dir():
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return
        # A folder on the way is a link to another disk.
        if source.is_file():
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
            return
        target.mkdir()
    for path in sorted(source.iterdir()):
        _merge(path, target / path.name)
