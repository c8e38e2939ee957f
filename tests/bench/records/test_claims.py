"""Claims: one holder at a time, whoever asks at once, and none that is gone stands in the way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.alive import Process, temporary_mark, this_process
from bench.files import remove_those_of_the_dead
from bench.records.claims import FOLDER, LEASE, Claim, Claims
from bench.records.holder import Holder
from bench.records.store import RecordStore

RUN = "voc2007-resnet-s0-eb9d5ef8a61c"

# Takes the claim as soon as the gate is there, says so, and keeps it until it is told to go.
TAKES = """
import sys, time
from pathlib import Path
from bench.records.claims import Claim, Claims
claims, gate, run = Claims(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.0005)
taken = claims.take(run)
print("mine" if isinstance(taken, Claim) else f"held by {taken.process.pid}", flush=True)
sys.stdin.readline()
if isinstance(taken, Claim):
    taken.release()
"""


def taker(folder: Path, gate: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", TAKES, str(folder), str(gate), RUN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def write_claim(folder: Path, holder: Holder, number: int = 1, age: float = 0.0) -> Path:
    path = folder / FOLDER / f"{RUN}.{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def elsewhere() -> Holder:
    return Holder("0123456789abcdef", Process("another", "f" * 16, 1, "1"), "somebody", "2026-01-01T00:00:00")


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_that_ask_at_once_one_has_it(dead: bool, tmp_path: Path) -> None:
    """Also where the claim of one that was killed is to be taken over."""
    for round_ in range(3):
        folder, gate = tmp_path / f"runs{round_}", tmp_path / f"gate{round_}"
        if dead:
            gone = replace(elsewhere(), process=this_process()._replace(started="0"))
            write_claim(folder, gone)
        takers = [taker(folder, gate) for _ in range(6)]
        assert {say(one) for one in takers} == {"ready"}
        gate.touch()
        said = [say(one) for one in takers]
        (winner,) = [one for one, word in zip(takers, said, strict=True) if word == "mine"]
        assert set(said) - {"mine"} == {f"held by {winner.pid}"}
        for one in takers:
            end(one)
        assert not (folder / FOLDER).exists(), "no leftovers"


def test_a_claim_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    process = taker(tmp_path, tmp_path / "gate")
    assert (say(process), say(process)) == ("ready", "mine")
    held = Claims(tmp_path).take(RUN)
    assert isinstance(held, Holder)
    assert (held.process.pid, held.process.host) == (process.pid, socket.gethostname())
    process.send_signal(signal.SIGKILL)
    process.wait()
    taken = Claims(tmp_path).take(RUN)
    assert isinstance(taken, Claim) and not taken.is_lost()
    taken.release()
    assert not (tmp_path / FOLDER).exists()


def test_a_claim_from_elsewhere_ends_when_there_was_no_sign_for_long(tmp_path: Path) -> None:
    write_claim(tmp_path, elsewhere(), age=LEASE - 60)
    assert Claims(tmp_path).take(RUN) == elsewhere()
    write_claim(tmp_path, elsewhere(), age=LEASE + 60)
    (seen,) = Claims(tmp_path).held()
    assert seen.over and seen.holder == elsewhere()
    taken = Claims(tmp_path).take(RUN)
    assert isinstance(taken, Claim)
    taken.release()
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("pid", [0, -1, 1 << 40])
def test_a_claim_with_a_number_of_no_process_is_of_one_that_is_gone(pid: int, tmp_path: Path) -> None:
    """A signal to number 0 or -1 would reach every process of a group, or of the machine."""
    write_claim(tmp_path, replace(elsewhere(), process=this_process()._replace(pid=pid)))
    (seen,) = Claims(tmp_path).held()
    assert seen.holder.process.pid == pid and seen.holder.process.is_gone() and seen.over


def test_the_holder_of_a_claim_that_was_taken_over_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr("bench.records.claims.RENEWED", 0.05)
    monkeypatch.setattr("bench.records.claims.SOON", 0.05)
    first = Claims(tmp_path).take(RUN, lost=lambda: told.append(True))
    assert isinstance(first, Claim) and not first.is_lost()
    write_claim(tmp_path, elsewhere(), number=2)
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told == [True] and first.is_lost()
    first.release()
    assert Claims(tmp_path).take(RUN) == elsewhere(), "the other's claim is left alone"


def test_a_holder_whose_claim_was_made_anew_by_another_knows_it(tmp_path: Path) -> None:
    first = Claims(tmp_path).take(RUN)
    assert isinstance(first, Claim)
    write_claim(tmp_path, elsewhere(), number=1)
    assert first.is_lost()
    first.release()
    assert (tmp_path / FOLDER / f"{RUN}.1").is_file()


def test_what_a_holder_does_is_seen_and_a_claim_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.records.claims.RENEWED", 0.05)
    monkeypatch.setattr("bench.records.claims.SOON", 0.05)
    claim = Claims(tmp_path).take(RUN, job="night", task="3")
    assert isinstance(claim, Claim)
    claim.progress = replace(claim.progress, doing="training", epoch=2, epochs=5, images_per_second=12.5)
    path = tmp_path / FOLDER / f"{RUN}.1"
    os.utime(path, (1, 1))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        (seen,) = Claims(tmp_path).held()
        if seen.progress.epoch == 2 and path.stat().st_mtime > 1:
            break
        time.sleep(0.01)
    assert (seen.progress, seen.over) == (claim.progress, False)
    assert (seen.holder.job, seen.holder.task) == ("night", "3")
    claim.release()


def test_claims_of_the_dead_are_tidied_and_those_of_the_living_left(tmp_path: Path) -> None:
    gone = replace(elsewhere(), process=this_process()._replace(started="0"))
    write_claim(tmp_path, gone)
    other = Claims(tmp_path).take("scenes-prior-s0-0123456789ab")
    assert isinstance(other, Claim)
    (tmp_path / FOLDER / f".{RUN}.1.0123456789abcdef").write_text("half a claim")
    Claims(tmp_path).tidy()
    assert [held.run_id for held in Claims(tmp_path).held()] == ["scenes-prior-s0-0123456789ab"]
    other.release()
    assert not (tmp_path / FOLDER).exists()


def test_a_file_system_without_links_has_claims_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    taken = Claims(tmp_path).take(RUN)
    assert isinstance(taken, Claim)
    assert isinstance(Claims(tmp_path).take(RUN), Holder)
    taken.release()


def test_a_folder_that_may_only_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file, where a folder should be")
    with pytest.raises(OSError) as raised:
        Claims(tmp_path).take(RUN)
    assert str(tmp_path) in str(raised.value.filename)


def test_what_the_dead_left_half_written_goes_and_what_the_living_write_stays(tmp_path: Path) -> None:
    script = "from bench.alive import temporary_mark; print(temporary_mark())"
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    stays = {
        f".mine.{temporary_mark()}.json",
        f".elsewhere.{'f' * 8}{dead.strip()[8:]}",
        ".bench.yaml",
        "run",
    }
    for name in (*stays, f".half.{dead.strip()}.npz"):
        (tmp_path / name).touch()
    (tmp_path / f".features.{dead.strip()}").mkdir()
    remove_those_of_the_dead(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == stays


@pytest.mark.parametrize("new_came", [False, True])
def test_a_record_that_stepped_aside_for_one_that_never_came_takes_its_place_again(
    new_came: bool, tmp_path: Path
) -> None:
    store = RecordStore(tmp_path)
    aside, half = (store.folder / f".{RUN}.{temporary_mark()}{ending}" for ending in (".old", ""))
    other = store.folder / f".{RUN}0.{temporary_mark()}"
    for folder in (aside, half, other):
        folder.mkdir(parents=True)
    (aside / "record.json").write_text("old")
    if new_came:
        (store.folder / RUN).mkdir()
        (store.folder / RUN / "record.json").write_text("new")
    store.tidy(RUN)
    assert (store.folder / RUN / "record.json").read_text() == ("new" if new_came else "old")
    assert {path.name for path in store.folder.iterdir()} == {RUN, other.name}
