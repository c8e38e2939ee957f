"""From an address to files in their place: download, unpack, remember."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.datasets.fetch.disk import exclusive, readable, require_space
from bench.datasets.fetch.download import download, left_to_fetch
from bench.datasets.fetch.extract import unpack
from bench.datasets.fetch.sources import Archive
from bench.files import read_json, write_text
from bench.progress import Transfer

DOWNLOADS = "downloads"
"""The folder in the data root for archives and for the notes of what was unpacked."""

Report = Callable[[str], Transfer]
"""Told of a step that begins; returns what is told of its bytes."""


def obtain(
    archive: Archive, root: Path, mirrors: Sequence[str], keep: bool, report: Report = lambda step: _silent
) -> str:
    """Have the files of an archive in their place under `root`.

    An archive that lies in ROOT/downloads already is used when its size and hash are right, and stays there.
    What was unpacked before, and is still there, is not fetched again.

    Args:
        archive: what to fetch.
        root: the data root.
        mirrors: addresses of folders tried before the published ones.
        keep: leave an archive that was fetched in ROOT/downloads once it is unpacked.
        report: told of the steps.

    Returns:
        What was done, one line.

    Raises:
        UserError: it cannot be downloaded or unpacked, the disk is full, or another process is at it.
    """
    with exclusive(root / DOWNLOADS / f"{archive.name}.lock"):
        folder = root / archive.folder
        if not archive.unpack:
            fetched = download(archive, folder / archive.name, mirrors, report(archive.name))
            return f"{archive.name}: {'downloaded' if fetched else 'already there'}"
        note = root / DOWNLOADS / f"{archive.name}.unpacked.json"
        if _is_unpacked(note, archive, folder):
            return f"{archive.name}: already unpacked"
        packed = root / DOWNLOADS / archive.name
        folder.mkdir(parents=True, exist_ok=True)
        # Said before hours of downloading, not after. The folder may be a link to another disk.
        shared = packed.parent.stat().st_dev == folder.stat().st_dev
        needed = (archive.unpacked or archive.size or 0) + shared * left_to_fetch(archive, packed)
        require_space(folder, needed, f"{archive.name} with its files")
        fetched = download(archive, packed, mirrors, report(archive.name))
        size = packed.stat().st_size
        files = unpack(packed, folder, archive.unpacked, report(f"unpacking {archive.name}"))
        write_text(note, json.dumps({"size": archive.size, "hash": archive.hash, "files": files}))
        if fetched and not keep:
            packed.unlink()
        return f"{archive.name}: {readable(size)}, {len(files)} files unpacked into {folder}"


def _is_unpacked(note: Path, archive: Archive, folder: Path) -> bool:
    """Whether this archive, not an earlier edition, was unpacked here and all its files are still there."""
    try:
        stored = read_json(note)
        same = (stored["size"], stored["hash"]) == (archive.size, archive.hash)
        return same and all((folder / name).is_file() for name in stored["files"])
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _silent(done: int, total: int | None) -> None:
    pass
