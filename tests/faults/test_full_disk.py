"""A disk that is full at whichever write: one sentence, what was there is as it was, a rerun completes."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from click.testing import Result

from bench.records.claims import Claim, Claims
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tensors import write_pickled, write_tensors
from bench_command import TINY, bench, own_environment, own_process
from disk_faults import Place, sweep
from made_records import made_cell, store_made
from made_tunes import made_tune
from small_disk import BALLAST, PAGE, SmallDisk, small_disk
from trees import write_voc

Command = Callable[[], Result]
Tree = dict[str, bytes]
# Moments of a command, from none of its bytes being written to all of them but the last page.
MOMENTS = 4


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with small_disk(tmp_path_factory.mktemp("disk") / "small") as mounted:
        yield mounted


def tree(folder: Path) -> Tree:
    """Every file with its content, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != BALLAST
    }


def is_one_sentence(done: Result) -> None:
    assert isinstance(done.exception, SystemExit), (done.output, repr(done.exception))
    assert done.exit_code in (1, 2), done.output
    assert "Traceback" not in done.output
    if done.exit_code == 2:
        (line,) = [line for line in done.output.splitlines() if line.startswith("Error: ")]
        assert "No space left on device" in line and "/" in line, line


def meets_a_full_disk(disk: SmallDisk, folder: Path, command: Command, moments: int = MOMENTS) -> int:
    """Let a command meet a full disk at one write after the other; returns how often it did.

    Args:
        disk: what is full.
        folder: on it, where the command writes.
        command: gives what came of it; it may be run again and again.
        moments: how many.
    """
    disk.empty()
    before, there = tree(folder), disk.free()
    whole = command()
    assert whole.exit_code == 0, (whole.output, whole.exception)
    wanted, needed = tree(folder), there - disk.free()
    met = 0
    for moment in range(moments):
        restore(folder, before)
        disk.leave(needed * moment // moments // PAGE * PAGE)
        done = command()
        left = tree(folder)
        if done.exit_code:
            met += 1
            is_one_sentence(done)
        for name, content in left.items():
            assert not Path(name).name.startswith("."), f"{name} is left"
            assert content in (wanted.get(name), before.get(name)), f"{name} is half written"
        assert not before.keys() - left.keys()
        disk.empty()
        again = command()
        assert again.exit_code == 0, (again.output, again.exception)
        assert tree(folder) == wanted
    return met


def restore(folder: Path, before: Tree) -> None:
    for name in tree(folder).keys() - before.keys():
        (folder / name).unlink()
    for name, content in before.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    cells = [made_cell(method, seed) for method in ("resnet", "ml-gcn") for seed in (0, 1)]
    store_made(tmp_path / "results", *cells, made_cell("prior"))
    return tmp_path


WRITERS = {
    "tables": ("tables", "--out", "{disk}"),
    "leaderboard": ("leaderboard", "--out", "{disk}/leaderboard"),
    "pictures": ("plot", "per-class", "--out", "{disk}"),
}


@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
def test_what_is_made_of_records(arguments: tuple[str, ...], results: Path, disk: SmallDisk) -> None:
    place = disk.folder / "made"
    place.mkdir(exist_ok=True)
    restore(place, {})
    given = [part.format(disk=place) for part in arguments]
    assert meets_a_full_disk(disk, place, lambda: bench(results, None, *given)) >= MOMENTS - 1


def test_the_report_of_a_tune(disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.tune.outcome.disagreement", lambda store, record: "")  # its scores are made up
    place = disk.folder / "made"
    place.mkdir(exist_ok=True)
    restore(place, {})
    made_tune(place)
    report = ("tune", "--report", "--name", "made", "--results", str(place))
    assert meets_a_full_disk(disk, place, lambda: bench(tmp_path, None, *report)) >= MOMENTS - 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods, on the test split and on a validation split, with what else is to be kept of them."""
    folder = tmp_path_factory.mktemp("trained")
    write_voc(folder / "data", train=30, test=6)
    run = ("run", "--methods", "resnet,ml-gcn/hidden=16", "--epochs", "1", *TINY)
    for split in ("test", "validation"):
        done = bench(folder, folder / "data", *run, "--split", split)
        assert done.exit_code == 0, done.output
    return folder


def run_of(folder: Path, method: str, split: str = "test") -> str:
    (found,) = (
        record.run_id
        for record in RecordStore(folder / "results").all()
        if isinstance(record, Record)
        if (record.cell.method.name, record.cell.split) == (method, split)
    )
    return found


OF_MODELS = {
    "scores": ("evaluate", "--checkpoint", "{model}", "--data", "voc2007", "--scores", "{disk}/scores.npz"),
    "predictions": ("predict", "{model}", "{picture}", "--json", "--out", "{disk}/found.json"),
    "maps": ("predict", "{model}", "{picture}", "--maps", "{disk}"),
    "page": (
        *("explain", "{resnet}", "{ml_gcn}"),
        *("--resamples", "100", "--out", "{disk}/page.html"),
    ),
    "thresholds": ("thresholds", "{resnet}", "--plot", "{disk}/reliability.png"),
    "activations": ("visualize", "activation", "--data", "voc2007", "--count", "1", "--out", "{disk}"),
    "statistics": ("data", "stats", "voc2007", "--out", "{disk}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", OF_MODELS.values(), ids=OF_MODELS)
def test_what_is_made_of_models(arguments: tuple[str, ...], trained: Path, disk: SmallDisk) -> None:
    place = disk.folder / "made"
    place.mkdir(exist_ok=True)
    restore(place, {})
    model = trained / "work" / "runs" / run_of(trained, "resnet") / "model.safetensors"
    picture = trained / "data" / "VOCdevkit" / "VOC2007" / "JPEGImages" / "000001.jpg"
    runs = {name: run_of(trained, name.replace("_", "-")) for name in ("resnet", "ml_gcn")}
    given = [part.format(disk=place, model=model, picture=picture, **runs) for part in arguments]
    assert meets_a_full_disk(disk, place, lambda: bench(trained, trained / "data", *given), 4) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(("form", "name"), [("onnx", "graph.onnx"), ("torch", "graph.pt2")])
def test_a_graph(form: str, name: str, trained: Path, disk: SmallDisk) -> None:
    """Its bytes differ from time to time, so here it is only whole or not there."""
    place = disk.folder / "made"
    place.mkdir(exist_ok=True)
    restore(place, {})
    export = ("export", run_of(trained, "resnet"), "--format", form, "--out", str(place / name))
    for free in (0, 4 * PAGE):
        disk.leave(free)
        is_one_sentence(bench(trained, trained / "data", *export))
        assert not tree(place)
    disk.empty()
    done = bench(trained, trained / "data", *export)
    assert done.exit_code == 0, (done.output, done.exception)
    assert len(tree(place)) == 2, "the graph and its description"


@pytest.mark.slow
def test_features_that_are_stored(disk: SmallDisk, tmp_path: Path) -> None:
    """They are written through memory, where a full disk ends a process without a word if nothing is done."""
    write_voc(tmp_path / "data", train=8, test=4)
    work = disk.folder / "frozen"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "work").symlink_to(work)
    work.mkdir()
    frozen = ("--schedule", "frozen", "--precision", "fp32", "--epochs", "1")
    command = own_process("run", "--methods", "resnet", *TINY, *frozen)
    environment = own_environment(tmp_path / "run", tmp_path / "data")

    def run() -> "subprocess.CompletedProcess[str]":
        shutil.rmtree(tmp_path / "run" / "results", ignore_errors=True)
        shutil.rmtree(work / "features", ignore_errors=True)
        return subprocess.run(
            command, cwd=tmp_path / "run", env=environment, capture_output=True, text=True, timeout=300
        )

    disk.empty()
    assert run().returncode == 0
    # All else that a run needs room for is there, or comes after them.
    shutil.rmtree(work / "features")
    disk.leave(3 * PAGE)
    done = run()
    assert done.returncode == 2 and "No space left on device" in done.stderr, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    disk.empty()
    assert run().returncode == 0


@pytest.mark.parametrize("links", [True, False])
def test_a_claim_that_does_not_fit_is_not_left_empty(
    links: bool, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With links on the disk and without, as some networks are; an empty one would keep the run from all."""
    disk.empty()
    claims = Claims(disk.folder / "results")
    claims.folder.mkdir(parents=True)

    def no_links(*_: object) -> None:
        disk.leave(0)
        raise PermissionError(errno.EPERM, "there are no links here")

    with monkeypatch.context() as patched:
        if links:
            disk.leave(0)
        else:
            patched.setattr(os, "link", no_links)
        with pytest.raises(OSError, match="No space left on device") as raised:
            claims.take("run")
    assert str(raised.value.filename).endswith("run.1") and [*claims.held()] == []
    disk.empty()
    claim = claims.take("run")
    assert isinstance(claim, Claim)
    claim.release()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["work", "results"])
def test_a_matrix(place: Place, disk: SmallDisk, tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    assert [*sweep(disk, tmp_path / "home", tmp_path / "data", place, range(0, 9, 4), 9)] == []


def test_tensors_that_do_not_fit_are_an_oserror_with_the_file(disk: SmallDisk) -> None:
    tensors = {"a": torch.zeros(1 << 20)}
    for write in (write_tensors, write_pickled):
        file = disk.folder / "tensors"
        disk.empty()
        write(file, tensors)
        before = file.read_bytes()
        for free in (0, PAGE, len(before) // 2):
            disk.leave(free)
            with pytest.raises(OSError, match="No space left") as full:
                write(file, tensors)
            assert full.value.filename == str(file)
            assert file.read_bytes() == before and not list(disk.folder.glob(".*"))
        file.unlink()
