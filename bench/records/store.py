"""Records of runs: one folder each, with a JSON that a person can read and the raw scores.

A record is written under a temporary name and renamed, so that it is whole or absent.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bench.alive import temporary_mark
from bench.arrays import ArrayError, read_arrays
from bench.errors import UserError, cut, one_line
from bench.exchange import exchange
from bench.files import atomic_path, read_json, remove, sha256_of_file, write_text
from bench.names import LONGEST, file_name
from bench.records.record import Record, Verification
from bench.resolve import named_like
from bench.validation import one_sentence

RECORD = "record.json"
SCORES = "scores.npz"
VERIFICATIONS = "verifications.json"
ASIDE = ".old"
"""Behind the name of a record that another is about to take the place of."""


TRIES = 5
"""How often a record is read that others replace while it is."""
LARGEST = 64 << 20
"""Bytes of a record: hundreds of epochs with hundreds of classes take a hundredth."""
RUN = 2 * LONGEST + 40
"""Bytes that the name of a run may have: those of a data set and of a method, its seed, its key."""


@dataclass(frozen=True)
class Scores:
    """The raw output of a run on the evaluation split: any metric can be computed from it again.

    Attributes:
        ids: N image ids.
        logits: `(N, C)` float32.
        labels: `(N, C)` int8 with 1 positive, 0 difficult, -1 negative.
        averaged: `(N, C)` float32, of the average of the weights, where it was measured beside them.
        known: `(K, N, C)` float32, where the head was told labels, in the order of the record's `known`.
    """

    ids: NDArray[np.str_]
    logits: NDArray[np.float32]
    labels: NDArray[np.int8]
    averaged: NDArray[np.float32] | None = None
    known: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Damaged:
    """A record folder that cannot be read. It is reported and left alone."""

    run_id: str
    reason: str


def _read(path: Path) -> Record:
    """The record in a file, of whatever run it is.

    Raises:
        UserError: there is none, or it is none of this version.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UserError(f"{path} has {size} bytes, which is more than a record has.")
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except OSError as error:
        raise UserError(str(error)) from error
    except ValidationError as error:
        raise UserError(f"{path}: {one_sentence(error, Record.model_fields)}") from error


def _contradiction(record: Record, folder: Path) -> str:
    """What of a record is not so, or nothing: what everything that reads records may rely on."""
    record.cell.method.label()  # UserError: a method of another version, or of a package that cannot be used
    file_name(record.cell.data, "cell.data")
    if not folder.name == record.run_id == record.cell.run_id():
        return f"{folder / RECORD} was changed: its content is that of run {record.cell.run_id()}"
    tuned = record.cell.tuned
    if tuned and tuned.method.partition("/")[0] != record.cell.method.name:
        return f"{folder / RECORD}: cell.tuned.method is another method than cell.method"
    # Without any positive test label, which a server may hold, there was nothing to measure.
    unmeasured = record.metrics is None and record.data.eval_labels > 0
    if record.status == "finished" and (unmeasured or not (folder / SCORES).is_file()):
        return f"{folder} lacks its metrics or {SCORES}"
    classes = record.data.classes
    if len(set(classes)) < len(classes):
        return f"{folder / RECORD}: data.classes names a class twice"
    told = (one.metrics for one in record.known)
    measured = [record.metrics, record.averaged, *told, *(epoch.metrics for epoch in record.history)]
    # The trials of a tune do not keep the AP of each class.
    sizes = {len(classes)} | ({0} if record.cell.split == "validation" else set())
    if any(one is not None and len(one.per_class_ap) not in sizes for one in measured):
        return f"{folder / RECORD}: per_class_ap has not as many values as data.classes, {len(classes)}"
    if record.selected_epoch is not None and not 0 <= record.selected_epoch < max(1, len(record.history)):
        return f"{folder / RECORD}: selected_epoch is none of history"
    if sum(part.epochs for part in record.trained_before) > len(record.history):
        return f"{folder / RECORD}: trained_before has more epochs than history"
    return ""


def _fault(scores: Scores, record: Record) -> str:
    """What is wrong with the scores of a record, or nothing."""
    shape, classes = scores.logits.shape, len(record.data.classes)
    if scores.ids.ndim != 1 or scores.ids.dtype.kind != "U" or scores.ids.shape != shape[:1]:
        return "ids is no list of one name for each image"
    if shape != scores.labels.shape or shape[1:] != (classes,):
        return f"logits and labels are {shape} and {scores.labels.shape}, for {classes} classes"
    for name, values in (("logits", scores.logits), ("averaged", scores.averaged), ("known", scores.known)):
        if values is not None and (values.dtype.kind != "f" or not np.isfinite(values).all()):
            return f"{name} holds what is no finite number"
    if scores.averaged is not None and scores.averaged.shape != shape:
        return f"averaged is {scores.averaged.shape}, and logits {shape}"
    if record.averaged is not None and scores.averaged is None:
        return "averaged, of which the record has metrics, is missing"
    if scores.known is not None and scores.known.shape != (len(record.known), *shape):
        return f"known is {scores.known.shape}, for {len(record.known)} shares of logits {shape}"
    if record.known and scores.known is None:
        return "known, of which the record has metrics, is missing"
    if scores.labels.dtype.kind != "i" or not np.isin(scores.labels, (-1, 0, 1)).all():
        return "labels holds others than 1, 0 and -1"
    return ""


class RecordStore:
    """The records under `RESULTS/runs`."""

    def __init__(self, results: Path) -> None:
        self.folder = results.expanduser() / "runs"

    def load(self, run_id: str) -> Record | Damaged | None:
        """The record of that run, why it cannot be read, or None where there is none."""
        for _ in range(TRIES):
            before = self.stamp(run_id)
            found = self._load(run_id)
            if isinstance(found, Record) or self.stamp(run_id) == before:
                break  # else what was read in part was replaced meanwhile
        return found

    def _load(self, run_id: str) -> Record | Damaged | None:
        try:
            folder = self.folder / file_name(run_id, "run", RUN)
            if not folder.is_dir():
                return None
            record = _read(folder / RECORD)
            wrong = _contradiction(record, folder)
        except UserError as error:
            return Damaged(run_id, cut(str(error), 400))
        except Exception as error:  # whatever a library does with what a stranger has written there
            return Damaged(run_id, f"{self.folder / run_id / RECORD}: {cut(one_line(error), 300)}")
        return Damaged(run_id, cut(wrong, 400)) if wrong else record

    def all(self) -> Iterator[Record | Damaged]:
        """Every record, in the order of the run names; hidden folders are unfinished writes."""
        if not self.folder.is_dir():
            return
        for entry in sorted(self.folder.iterdir()):
            if entry.is_dir() and not entry.name.startswith("."):
                loaded = self.load(entry.name)
                if loaded is not None:
                    yield loaded

    def find(self, start: str) -> Record:
        """The one record whose run name begins or ends with `start`.

        Raises:
            UserError: none, several, or a damaged one.
        """
        names = [entry.name for entry in sorted(self.folder.glob("[!.]*")) if entry.is_dir()]
        matches = named_like(start, names)
        if len(matches) != 1:
            raise UserError(
                f"{len(matches) or 'No'} runs under {self.folder} begin or end with '{start}'; "
                "`bench ls` lists the names."
            )
        record = self.load(matches[0])
        if not isinstance(record, Record):
            raise UserError(
                f"The record {matches[0]} is damaged: {record.reason if record else 'it is gone'}."
            )
        return record

    def file(self, record: Record, name: str) -> Path:
        """Where a file of that name lies beside a record, if there is one."""
        return self.folder / file_name(record.run_id, "run", RUN) / name

    def stamp(self, run_id: str) -> str:
        """What tells one record of a run from the next: empty where there is none."""
        try:
            status = (self.folder / file_name(run_id, "run", RUN) / RECORD).stat()
        except (OSError, UserError):
            return ""
        return f"{status.st_mtime_ns}-{status.st_ino}"

    def scores_file(self, record: Record) -> Path:
        """Where the raw scores of a finished run lie.

        Raises:
            UserError: the file is not the one that the record was written with.
        """
        path = self.file(record, SCORES)
        try:
            same = path.is_file() and sha256_of_file(path) == record.scores_sha256
        except OSError as error:
            raise UserError(f"The scores {path} cannot be read: {one_line(error)}.") from error
        if not same:
            raise UserError(f"The scores {path} are not those that the record was written with.")
        return path

    def scores(self, record: Record) -> Scores:
        """The raw scores of a finished run.

        Raises:
            UserError: the file is not the one that the record was written with, or it holds other arrays.
        """
        path = self.scores_file(record)
        try:
            arrays = read_arrays(path)
            scores = Scores(
                arrays["ids"],
                arrays["logits"],
                arrays["labels"],
                arrays.get("averaged"),
                arrays.get("known"),
            )
        except KeyError as error:
            raise UserError(f"The scores {path} lack the array {error}.") from error
        except ArrayError as error:
            raise UserError(f"The scores {path} are damaged: {error}.") from error
        wrong = _fault(scores, record)
        if wrong:
            raise UserError(f"The scores {path} are not those of the record: {wrong}.")
        return scores

    def verifications(self, record: Record) -> tuple[Verification, ...]:
        """What came out when a run was trained again, the oldest first.

        Raises:
            UserError: the file is damaged.
        """
        path = self.file(record, VERIFICATIONS)
        if not path.is_file():
            return ()
        try:
            return tuple(Verification(**one) for one in read_json(path)["verifications"])
        except ValidationError as error:
            raise UserError(f"{path}: {one_sentence(error, Verification.model_fields)}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged: {cut(one_line(error), 300)}.") from error

    def add_verification(self, record: Record, verification: Verification) -> None:
        """Keep what came out beside the record."""
        path = self.file(record, VERIFICATIONS)
        kept = [one.model_dump(mode="json") for one in (*self.verifications(record), verification)]
        write_text(path, json.dumps({"verifications": kept}, indent=1, ensure_ascii=False) + "\n")

    def save(self, record: Record, scores: Scores | None) -> Record:
        """Write a record, replacing one of the same name; returns it with the hash of its scores."""
        file_name(record.run_id, "run", RUN)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Not by a process number alone, which another machine or container may have too.
        temporary = self.folder / f".{record.run_id}.{temporary_mark()}"
        temporary.mkdir()
        try:
            if scores is not None:
                arrays = {name: value for name, value in vars(scores).items() if value is not None}
                with atomic_path(temporary / SCORES) as path:
                    np.savez_compressed(path, allow_pickle=False, **arrays)
                record = record.model_copy(update={"scores_sha256": sha256_of_file(temporary / SCORES)})
            text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
            write_text(temporary / RECORD, text)
            self._replace(temporary, self.folder / record.run_id)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return record

    def tidy(self, run_id: str) -> None:
        """Remove what processes that were killed left of a run that this process alone works on.

        A record that stepped aside for one that never came takes its place again.
        """
        left = re.compile(rf"\.{re.escape(run_id)}\.[0-9a-f]+(?P<aside>{re.escape(ASIDE)})?")
        for path in self.folder.glob(".*") if self.folder.is_dir() else ():
            found = left.fullmatch(path.name)
            if found and found["aside"] and not (self.folder / run_id).exists():
                path.rename(self.folder / run_id)
            elif found:
                remove(path)

    def _replace(self, new: Path, target: Path) -> None:
        if target.exists() and exchange(new, target):
            return  # what was there goes with what was to become it
        # A folder cannot be renamed over a full one, so the old one steps aside first.
        aside = self.folder / f".{target.name}.{temporary_mark()}{ASIDE}"
        if target.exists():
            target.rename(aside)
        try:
            new.rename(target)
        except OSError:
            if aside.exists():
                aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
