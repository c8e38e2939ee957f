"""Runs of several processes: those that were started, and what they leave beside a run of one process."""

import time
from pathlib import Path

import numpy as np
import pytest

from bench.records.record import Record
from bench.records.store import RecordStore


def record_of(folder: Path, method: str) -> Record:
    (found,) = (
        record
        for record in RecordStore(folder / "results").all()
        if isinstance(record, Record) and record.cell.method.name == method
    )
    return found


def started_by(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            # The name of a program may hold spaces; what follows it does not.
            if int((place / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(place.name))
        except OSError:
            continue  # it has ended
    return sorted(found)


def with_theirs(ranks: list[int]) -> list[int]:
    """Processes, and those that they have started."""
    return [*ranks, *(one for rank in ranks for one in started_by(rank))]


def all_gone(processes: list[int]) -> bool:
    until = time.monotonic() + 10
    while any(Path(f"/proc/{number}").exists() for number in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def assert_like(found: Record, alone: Record, folder: Path) -> None:
    """A run like that of one process, but for rounding."""
    assert found.run_id == alone.run_id and found.status == "finished"
    assert [epoch.feed for epoch in found.history] == [epoch.feed for epoch in alone.history]
    assert found.eval_feed == alone.eval_feed
    for one, other in zip(found.history, alone.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4) and one.lr == other.lr
        assert one.images == other.images
    scores = RecordStore(folder / "results").scores(found)
    assert len(scores.logits) == 10 and np.isfinite(scores.logits).all()
