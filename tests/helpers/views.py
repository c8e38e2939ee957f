"""What pictures of trained models are checked with: the models, the files, the words in them."""

import re
from pathlib import Path

from bench.records.record import Record
from bench.records.store import RecordStore


def records(folder: Path) -> dict[str, Record]:
    found = (one for one in RecordStore(folder / "results").all())
    return {one.cell.method.name: one for one in found if isinstance(one, Record)}


def model_of(folder: Path, method: str) -> Path:
    return folder / "work" / "runs" / records(folder)[method].run_id / "model.safetensors"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def words_of(svg: bytes) -> list[str]:
    """The texts of a picture, which matplotlib writes as comments above their outlines."""
    return re.findall(r"<!-- (.*?) -->", svg.decode())
