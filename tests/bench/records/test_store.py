"""Records are whole or absent, say what is wrong with them, and are never touched by reading."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.metrics.evaluate import evaluate
from bench.records.record import Record
from bench.records.store import RECORD, SCORES, Damaged, RecordStore
from made_records import failed_record, made_cell, made_record, store_made
from places import HELPERS

CELL = made_cell("ml-gcn/tau=0.5", seed=3)
RUN = CELL.run_id()


def contents(folder: Path) -> dict[str, str]:
    """The hash of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    record, scores = made_record(CELL)
    saved = store.save(record, scores)
    assert store.load(RUN) == saved == record.model_copy(update={"scores_sha256": saved.scores_sha256})
    assert sorted(path.name for path in store.folder.iterdir()) == [RUN]
    assert sorted(path.name for path in (store.folder / RUN).iterdir()) == [RECORD, SCORES]
    back = store.scores(saved)
    for name in ("ids", "logits", "labels"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scores, name), strict=True)
    # Stored scores are enough for any metric.
    assert evaluate(back.logits, back.labels, CELL.protocol) == record.metrics
    # A failed run has no scores.
    failed = failed_record(made_cell("resnet"))
    assert store.save(failed, None) == failed == store.load(failed.run_id)
    assert store.load("nothing-of-that-name") is None


@pytest.mark.parametrize(
    "broken", ["numpy.savez_compressed", "json.dumps", "pathlib.Path.rename", "second rename"]
)
def test_an_exception_while_writing_keeps_the_old_record(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_made(tmp_path, CELL)
    before = contents(tmp_path)
    renames = []
    rename = Path.rename

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    def second(self: Path, target: Path) -> Path:
        renames.append(target)
        if len(renames) == 2:
            raise OSError("no space left")
        return rename(self, target)

    with monkeypatch.context() as patched:
        if "rename" in broken:  # as on a network's file system, where two names are not exchanged at once
            patched.setattr("bench.records.store.exchange", lambda one, other: False)
        if broken == "second rename":
            patched.setattr("pathlib.Path.rename", second)
        else:
            patched.setattr(broken, fail)
        with pytest.raises(OSError, match="no space left"):
            store.save(*made_record(CELL, created="later"))
    assert contents(tmp_path) == before
    assert [path.name for path in store.folder.iterdir()] == [RUN]


KILLED = """
import os, signal, sys
from pathlib import Path
from made_records import failed_record, made_cell, made_record
from bench.records.record import Record
from bench.records.store import RecordStore

OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
cell = made_cell()
store = RecordStore(Path(sys.argv[1]))
old = store.save(*made_record(cell, created="old"))

def save_and_die(at):
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in OPERATIONS:
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
    new = made_record(cell, created="new")
    sys.addaudithook(hook)
    store.save(*new)
    os._exit(0)

for at in range(1, 100):
    child = os.fork()
    if not child:
        save_and_die(at)
    _, status = os.waitpid(child, 0)
    found = store.load(cell.run_id())
    assert found is None or isinstance(found, Record), found
    if found:
        store.scores(found)  # raises where they are not those of the record
    assert list(store.all()) == ([found] if found else []), "a leftover is listed"
    print("absent" if found is None else found.created)
    if os.WIFEXITED(status):
        break
    store.save(*made_record(cell, created="old"))  # works beside whatever was left
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_at_any_step_of_writing_leaves_a_whole_record_or_none(tmp_path: Path) -> None:
    """SIGKILL before the first, second, ... file operation of a save, until a save gets through."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(HELPERS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    states = done.stdout.split()
    assert states[0] == "old" and states[-1] == "new"
    assert len(states) > 6  # it was killed at that many places
    assert set(states) <= {"old", "absent", "new"}
    assert states == sorted(states, key=["old", "absent", "new"].index)


def test_hidden_leftovers_are_not_listed(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    (store.folder / f".{RUN}.123").mkdir()
    (store.folder / ".other.123.old").mkdir()
    (store.folder / "a-file").touch()
    assert [record.run_id for record in store.all()] == [RUN]
    assert list(RecordStore(tmp_path / "nothing").all()) == []


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda folder: truncate(folder / RECORD), "nvalid JSON: EOF"),
    "empty": (lambda folder: (folder / RECORD).write_bytes(b""), "nvalid JSON"),
    "not text": (lambda folder: (folder / RECORD).write_bytes(b"\xff\xfe\x00{"), "nvalid JSON"),
    "another kind": (lambda folder: (folder / RECORD).write_text("[]"), "nput should be an object"),
    "missing": (lambda folder: (folder / RECORD).unlink(), "is missing"),
    "a folder": (lambda folder: into_folder(folder / RECORD), "directory"),
    "misspelt": (lambda folder: edit(folder / RECORD, metrix=1), "'metrix' is not a known key.*'metrics'"),
    "other seed": (
        lambda folder: edit(
            folder / RECORD, cell=CELL.model_copy(update={"seed": 9}).model_dump(mode="json")
        ),
        "was changed: its content is that of run voc2007-ml-gcn-s9-",
    ),
    "no metrics": (lambda folder: edit(folder / RECORD, metrics=None), "lacks its metrics"),
    "no scores": (lambda folder: (folder / SCORES).unlink(), "lacks its metrics or scores.npz"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_reported_and_left_alone(damage: str, tmp_path: Path) -> None:
    whole = made_cell("resnet")
    store = store_made(tmp_path, whole, CELL)
    hurt, reason = DAMAGES[damage]
    hurt(store.folder / RUN)
    before = contents(tmp_path)
    found = store.load(RUN)
    assert isinstance(found, Damaged) and found.run_id == RUN
    with pytest.raises(UserError, match=f"{RUN} is damaged: .*({reason})"):
        store.find(RUN)
    listed = list(store.all())
    assert [record.run_id for record in listed] == sorted([RUN, whole.run_id()])
    assert [isinstance(record, Damaged) for record in listed] == [True, False]
    assert contents(tmp_path) == before


def test_a_record_moved_to_another_name_is_damaged(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    (store.folder / RUN).rename(store.folder / "voc2007-resnet-s0-000000000000")
    found = store.load("voc2007-resnet-s0-000000000000")
    assert isinstance(found, Damaged) and f"its content is that of run {RUN}" in found.reason


@pytest.mark.parametrize("change", ["flipped bit", "missing", "of another run"])
def test_scores_that_changed_are_refused(change: str, tmp_path: Path) -> None:
    other = made_cell("resnet")
    store = store_made(tmp_path, CELL, other)
    path = store.folder / RUN / SCORES
    record = store.find(RUN)
    data = bytearray(path.read_bytes())
    if change == "flipped bit":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif change == "missing":
        path.unlink()
    else:
        path.write_bytes((store.folder / other.run_id() / SCORES).read_bytes())
    before = contents(tmp_path)
    with pytest.raises(UserError, match="are not those that the record was written with"):
        store.scores(record)
    assert contents(tmp_path) == before


def test_a_run_is_found_by_either_end_of_its_name(tmp_path: Path) -> None:
    cells = [made_cell("resnet", seed) for seed in (0, 1)]
    store = store_made(tmp_path, *cells)
    for cell in cells:
        for part in (cell.run_id(), cell.key(), cell.key()[4:], cell.run_id()[:20]):
            assert store.find(part).cell == cell
    for part, count in (("voc2007-", "2"), ("", "No"), ("scenes", "No"), ("resnet", "No")):
        with pytest.raises(UserError, match=f"^{count} runs under .* begin or end with '{part}'"):
            store.find(part)
    with pytest.raises(UserError, match="No runs"):
        RecordStore(tmp_path / "nothing").find("voc2007")


def test_a_record_of_every_kind_is_plain_json(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    loaded = json.loads((store.folder / RUN / RECORD).read_text(encoding="utf-8"))
    # What was trained before under other conditions stands there alone where something was.
    assert set(loaded) == set(Record.model_fields) - {"trained_before"}
    assert loaded["cell"]["schedule"]["batch_size"] == 4
