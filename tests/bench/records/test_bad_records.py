"""One bad record, of a stranger or of a bad disk, is left out and named; nothing else stops."""

import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.experiment.tuned import Tuned
from bench.records.store import RECORD, SCORES, Damaged, RecordStore
from bench_command import bench
from made_records import CLASSES, made_cell, made_scores, store_made

Change = Callable[[Path], None]
BAD, GOOD = made_cell("salgl"), made_cell("resnet")


def into_a_folder(place: Path) -> None:
    (place / RECORD).unlink()
    (place / RECORD).mkdir()


def text(content: bytes) -> Change:
    def apply(place: Path) -> None:
        (place / RECORD).write_bytes(content)

    return apply


def changed(change: Callable[[dict[str, Any]], object]) -> Change:
    def apply(place: Path) -> None:
        content = json.loads((place / RECORD).read_text())
        change(content)
        (place / RECORD).write_text(json.dumps(content))

    return apply


def pattern(old: str, new: str) -> Change:
    """The text of the record, where JSON can say what Python's writer does not."""

    def apply(place: Path) -> None:
        written, count = re.subn(old, new, (place / RECORD).read_text(), count=1)
        assert count == 1
        (place / RECORD).write_text(written)

    return apply


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BAD_RECORDS: dict[str, Change] = {
    "empty": text(b""),
    "binary": text(bytes(range(256))),
    "nested": text(b"[" * 100_000),
    "not UTF-8": text(b'{"run_id": "\xff"}'),
    "a list": text(b"[]"),
    "gone": lambda place: (place / RECORD).unlink(),
    "a folder": into_a_folder,
    "5,000 digits": pattern(r'"train_images": \d+', f'"train_images": {"9" * 5000}'),
    "a lone surrogate": pattern(r'"schedule_name": "\w+"', r'"schedule_name": "\\ud800"'),
    "NaN": pattern(r'"train_images_per_second": [\d.]+', '"train_images_per_second": NaN'),
    "infinity": pattern(r'"loss": [\d.]+', '"loss": Infinity'),
    "NaN in an option": changed(lambda c: c["cell"]["method"]["options"].update(soft=float("nan"))),
    "nested options": changed(lambda c: c["cell"]["method"]["options"].update(soft=deep(200))),
    "an option of no method": changed(lambda c: c["cell"]["method"].update(options={"x\0": 1})),
    "a method of nobody": changed(lambda c: c["cell"]["method"].update(name="../../x")),
    "a class twice": changed(lambda c: c["data"].update(classes=["boat", "boat", "person"])),
    "a class too many": changed(lambda c: c["data"].update(classes=[*CLASSES, "cat"])),
    "no classes": changed(lambda c: c["data"].update(classes=[])),
    "fewer values than classes": changed(lambda c: c["metrics"].update(per_class_ap=[0.5])),
    "an epoch that is none": changed(lambda c: c.update(selected_epoch=99)),
    "more epochs before than there were": changed(
        lambda c: c.update(trained_before=[{"epochs": 99, "environment": None}])
    ),
    "another run": changed(lambda c: c.update(run_id="x")),
    "a huge message": changed(lambda c: c["cell"].update(seed="z" * 1_000_000)),
}


def two(folder: Path) -> Path:
    """A store with a good run and one to be spoilt; returns the folder of that."""
    return store_made(folder / "results", GOOD, BAD).folder / BAD.run_id()


@pytest.mark.parametrize("change", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_record_that_cannot_be_read_is_left_out_and_named(change: Change, tmp_path: Path) -> None:
    place = two(tmp_path)
    change(place)
    found = RecordStore(tmp_path / "results").load(BAD.run_id())
    assert isinstance(found, Damaged) and 0 < len(found.reason) < 500
    listed = bench(tmp_path, None, "ls")
    assert re.search(rf"damaged: .+{BAD.run_id()}", listed.output) and GOOD.run_id() in listed.output
    for words in (["tables"], ["plot", "per-class"], ["leaderboard"], ["show", GOOD.run_id()]):
        done = bench(tmp_path, None, *words)
        assert done.exit_code == 0 and len(done.output) < 20_000, (words, done.output[:500])
        if words[0] in ("tables", "plot"):
            assert f"left out, damaged: {BAD.run_id()}" in done.output
    page = (tmp_path / "results" / "leaderboard" / "leaderboard.md").read_text()
    assert f"left out, damaged: {BAD.run_id()}" in page
    refused = bench(tmp_path, None, "compare", "resnet", "salgl", "--data", "voc2007")
    assert refused.exit_code == 2 and BAD.run_id() in refused.stderr
    shown = bench(tmp_path, None, "show", BAD.run_id())
    assert shown.exit_code == 2 and "is damaged: " in shown.stderr


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def scores_with(**changes: Any) -> bytes:
    scores = made_scores(BAD)
    return npz(**{"ids": scores.ids, "logits": scores.logits, "labels": scores.labels, **changes})


BAD_SCORES = {
    "text": b"no scores",
    "cut": scores_with()[:-40],
    "a bomb": npz(ids=np.zeros(1), logits=np.zeros((20_000_000, 3), np.float32), labels=np.zeros((1, 3))),
    "another number of classes": scores_with(logits=np.zeros((40, 2)), labels=np.ones((40, 2), np.int8)),
    "one dimension": scores_with(logits=np.zeros(40, np.float32)),
    "NaN": scores_with(logits=np.full((40, 3), np.nan, np.float32)),
    "complex": scores_with(logits=np.zeros((40, 3), np.complex64)),
    "words": scores_with(logits=np.full((40, 3), "x")),
    "labels of 7": scores_with(labels=np.full((40, 3), 7, np.int8)),
    "ids of two dimensions": scores_with(ids=np.full((40, 2), "x")),
    "no labels": npz(ids=made_scores(BAD).ids, logits=made_scores(BAD).logits),
}


@pytest.mark.parametrize("content", BAD_SCORES.values(), ids=BAD_SCORES)
def test_a_run_whose_scores_are_bad_stops_nothing_and_is_named(content: bytes, tmp_path: Path) -> None:
    place = two(tmp_path)
    (place / SCORES).write_bytes(content)
    # The hash is that of the file: the record's author is the one who means harm.
    changed(lambda c: c.update(scores_sha256=hashlib.sha256(content).hexdigest()))(place)
    for words in (
        ["tables"],
        ["tables", "--protocol", "salgl"],
        ["plot", "per-class"],
        ["leaderboard"],
        ["ls"],
    ):
        done = bench(tmp_path, None, *words)
        assert done.exit_code == 0, (words, done.output)
        if words[0] in ("tables", "plot"):
            assert re.search(rf"(left out|without an interval): {BAD.run_id()}: The scores ", done.output), (
                words
            )
    refused = bench(tmp_path, None, "compare", "resnet", "salgl", "--data", "voc2007")
    assert refused.exit_code == 2 and f"left out: {BAD.run_id()}: The scores " in refused.stderr


def test_a_seed_whose_scores_are_bad_is_left_out_of_a_comparison(tmp_path: Path) -> None:
    cells = [made_cell(method, seed) for method in ("resnet", "salgl") for seed in (0, 1)]
    store = store_made(tmp_path / "results", *cells)
    path = store.folder / cells[3].run_id() / SCORES
    path.write_bytes(path.read_bytes()[:-1])
    done = bench(tmp_path, None, "compare", "resnet", "salgl", "--data", "voc2007", "--resamples", "100")
    assert done.exit_code == 0, done.output
    assert "SALGL: mean of 1 run: " in done.output
    assert f"left out: {cells[3].run_id()}: The scores " in done.output


def test_a_tuned_run_that_goes_by_another_method_is_left_out(tmp_path: Path) -> None:
    """Which no hash tells, and the name of its row is made of."""
    tuned = Tuned(name="a", method="resnet", design="0" * 12, trials=4, fields=("lr",))
    cell = made_cell("salgl", tuned=tuned)
    store_made(tmp_path / "results", GOOD, cell)
    done = bench(tmp_path, None, "tables", "voc2007")
    assert done.exit_code == 0
    assert f"left out, damaged: {cell.run_id()}: " in done.stdout and "is another method than" in done.stdout
