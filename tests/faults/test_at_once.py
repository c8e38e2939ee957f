"""Several commands on one folder of results at the same time."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.files import atomic_path
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore
from bench_command import TINY, own_environment
from forked_bench import ForkServer
from made_records import failed_record, made_cell, made_record
from trees import write_voc

pytestmark = pytest.mark.slow


def test_two_matrices_at_once_while_others_read(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=12, test=4)
    environment = own_environment(tmp_path, tmp_path / "data")
    run = ["run", "--epochs", "2", *TINY, "--methods"]
    readers = (["tables", "--out", "tables"], ["ls"], ["show", "prior"])
    with ForkServer() as server:
        # The same two methods, and one more: nothing is trained twice.
        started = {
            name: server.start([*run, methods], tmp_path, environment, tmp_path / f"{name}.txt")
            for name, methods in (("one", "resnet,ml-gcn/hidden=16"), ("other", "ml-gcn/hidden=16,csra"))
        }
        looks = 0
        while any(Path(f"/proc/{process}/exe").exists() for process in started.values()):
            for reader in readers:
                out = tmp_path / f"look{looks}.txt"
                status = server.run(reader, tmp_path, environment, out)
                said = out.read_text()
                # Before the first record there is nothing to show.
                nothing_yet = "No runs" in said or "No finished run" in said
                assert status == 0 or (status == 2 and nothing_yet), said
                assert "Traceback" not in said and "damaged" not in said, said
                looks += 1
        printed = {name: (tmp_path / f"{name}.txt").read_text() for name in started}
        assert [server.wait(process) for process in started.values()] == [0, 0], printed
    assert looks >= 3
    records = [*RecordStore(tmp_path / "results").all()]
    assert len(records) == 4 and all(isinstance(one, Record) and one.status == "finished" for one in records)
    trained = [printed["one"].count(f"{one.run_id}: mAP") for one in records if isinstance(one, Record)]
    others = [printed["other"].count(f"{one.run_id}: mAP") for one in records if isinstance(one, Record)]
    assert [one + two for one, two in zip(trained, others, strict=True)] == [1, 1, 1, 1], printed
    for top in ("results", "work"):
        assert not list((tmp_path / top).rglob(".*")), "nothing is left"


def test_a_record_that_is_replaced_is_always_there_and_whole(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    finished, failed = made_record(made_cell()), (failed_record(made_cell()), None)
    store.save(*finished)
    stop, faults, looks = threading.Event(), [], 0

    def replace() -> None:
        while not stop.is_set():
            for record, scores in (finished, failed):
                store.save(record, scores)

    thread = threading.Thread(target=replace)
    thread.start()
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        (found,) = [*store.all()] or [None]
        looks += 1
        if not isinstance(found, Record):
            faults.append(found.reason if isinstance(found, Damaged) else "gone")
    stop.set()
    thread.join()
    assert looks > 20 and not faults, (len(faults), looks, faults[:3])


WRITING = """
import sys, time
from pathlib import Path
from bench.files import atomic_path

with atomic_path(Path(sys.argv[1])) as unfinished:
    print(unfinished, flush=True)
    time.sleep(600)
"""


def test_whoever_died_while_writing_is_cleared_up_after_and_whoever_writes_is_not(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITING, target], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    dead, alive = (Path(writer.stdout.readline().strip()) for writer in writers if writer.stdout)
    other = dead.with_name(dead.name.replace("record", "another"))
    other.touch()
    try:
        writers[0].kill()
        writers[0].wait()
        with atomic_path(target) as mine:
            assert mine.exists() and alive.exists() and not dead.exists()
            assert other.exists(), "what somebody writes here does not concern others"
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, target])
