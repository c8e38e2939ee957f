"""A matrix whose results or whose work folder meet a full disk, at one write after the other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from small_disk import PAGE, SmallDisk

Place = Literal["results", "work"]
TRAINED = ("--methods", "resnet", "--epochs", "2")


def kept(results: Path) -> dict[str, object]:
    """What is to be equal of every record."""
    found: dict[str, object] = {}
    for record in RecordStore(results).all():
        assert isinstance(record, Record), record
        found[record.run_id] = record.status, record.scores_sha256, record.metrics
    return found


def sweep(disk: SmallDisk, home: Path, data: Path, place: Place, moments: range, count: int) -> Iterator[str]:
    """What is not as it should be when the disk of the results, or of the work folder, is full.

    Args:
        disk: what is full.
        home: where commands are run; made anew for each.
        data: a tree of VOC2007.
        place: what lies on the disk.
        moments: which of `count` moments of a run, evenly over what it writes.
        count: see `moments`.
    """
    arguments = ["run", *TINY, *TRAINED]
    disk.empty()
    _fresh(disk, home, place)
    there = disk.free()
    whole = bench(home, data, *arguments)
    assert whole.exit_code == 0, (whole.output, whole.exception)
    wanted, needed = kept(home / "results"), there - disk.free()
    for moment in moments:
        _fresh(disk, home, place)
        # A run takes for a while more than it leaves.
        disk.leave(2 * needed * moment // count // PAGE * PAGE)
        done = bench(home, data, *arguments)
        where = f"{place}, moment {moment} of {count}"
        if not isinstance(done.exception, SystemExit | None) or "Traceback" in done.output:
            yield f"{where}: {type(done.exception).__name__} {done.exception} {done.output[-300:]}"
        if done.exit_code and "No space left on device" not in done.output:
            yield f"{where}: does not say so: {done.output[-300:]}"
        disk.empty()
        again = bench(home, data, *arguments, "--overwrite", "failed")
        if again.exit_code or kept(home / "results") != wanted:
            yield f"{where}: a rerun ends with {again.exit_code}: {again.output[-300:]} {again.exception!r}"
        hidden = [path for top in ("results", "work") for path in (home / top).rglob(".*")]
        if hidden:
            yield f"{where}: {hidden[0].name} is left"


def _fresh(disk: SmallDisk, home: Path, place: Place) -> None:
    disk.empty()
    shutil.rmtree(disk.folder / place, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (disk.folder / place).mkdir()
    (home / place).symlink_to(disk.folder / place)
