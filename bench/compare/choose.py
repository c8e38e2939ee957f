"""Which runs a comparison of two methods is made of, and why runs may not be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.datasets.locate import name_of
from bench.errors import UserError
from bench.experiment.methods import label_of
from bench.methods.catalog import METHOD_CATALOGUE, PRIOR
from bench.metrics.protocol import Protocol
from bench.records.groups import Group, class_difference, differences, group_records
from bench.records.record import Record
from bench.records.runs import Runs, left_out, notes_on
from bench.records.store import RecordStore
from bench.resolve import unknown_name

Records = tuple[Record, ...]


@dataclass(frozen=True)
class Pair:
    """The runs of two methods on the same test images, one per seed; and a line on each run left out."""

    a: Records
    b: Records
    notes: tuple[str, ...]

    def names(self) -> tuple[str, str]:
        """What the two are called: by their titles, or by the names of their runs where it is one method."""
        a, b = self.a[0].cell.row(), self.b[0].cell.row()
        if a != b:
            titles = Group((*self.a, *self.b)).titles()
            return titles[a], titles[b]
        return ", ".join(r.run_id for r in self.a), ", ".join(r.run_id for r in self.b)


def pair(
    store: RecordStore,
    a: str,
    b: str,
    data: str | None,
    protocol: Protocol | None,
    command: str = "compare",
    options: str = "",
    mixed: bool = False,
) -> Pair:
    """Find the runs that two arguments name.

    Two methods are compared under one set of conditions, each with all its seeds: these are draws of their
    own, and not paired (`bench.metrics.uncertainty`). Runs that are named one by one may differ in anything
    but what they were measured on and how, and whether they are tuned.

    Args:
        store: the records.
        a: a method with its options (`ml-gcn/tau=0.3`), or runs, each by the beginning or the end of its
            name, separated by commas.
        b: likewise.
        data: the data set; needed where a method is named.
        protocol: measure all runs under it; each run's own where it is None.
        command: what was asked for, as messages tell how to ask again.
        options: its options, likewise, as a shell takes them.
        mixed: whether a tuned method may be compared with an untuned one.

    Raises:
        UserError: there is no such run, there are several sets of runs, or the two may not be compared.
    """
    chooser = _Chooser(
        store, name_of(data) if data else None, protocol, lambda runs: f"{command} {runs} {options}".strip()
    )
    runs_a, runs_b = (() if chooser.is_method(text) else chooser.named(text) for text in (a, b))
    label_a, label_b = ("" if runs else chooser.label(text) for runs, text in ((runs_a, a), (runs_b, b)))
    if runs_a or runs_b:
        chosen = runs_a or chooser.beside(runs_b, label_a), runs_b or chooser.beside(runs_a, label_b)
    else:
        chosen = chooser.methods(label_a, label_b)
    if both := {one.run_id for one in chosen[0]} & {one.run_id for one in chosen[1]}:
        raise UserError(f"{min(both)} is a run of both {a} and {b}: name two methods, or runs that differ.")
    check_comparable((*chosen[0], *chosen[1]))
    if not mixed:
        _check_tuned_alike(chosen[0][0], chosen[1][0])
    return Pair(*chosen, chooser.notes(chosen[0][0].cell.data))


class _Chooser:
    """Looks runs up among the finished ones of a store."""

    def __init__(
        self, store: RecordStore, data: str | None, protocol: Protocol | None, again: Callable[[str], str]
    ) -> None:
        self._runs = Runs(store)
        self._data = data
        self._protocol = protocol
        self._again = again
        # Those of packages that are not installed here too.
        self._labels = {record.cell.row() for record in self._runs.records}

    def is_method(self, text: str) -> bool:
        """Whether a text names a method, and not runs."""
        return text in self._labels or text.partition("/")[0] in (*METHOD_CATALOGUE.names(), PRIOR.name)

    def label(self, text: str) -> str:
        """The method that a text names, as its runs have it."""
        return label_of(text, self._labels)

    def named(self, text: str) -> Records:
        """The runs that are named one by one: seeds of one method under one set of conditions."""
        found = tuple(self._one(part) for part in text.split(","))
        first = found[0]
        for other in found[1:]:
            labels = first.cell.row(), other.cell.row()
            differ = [f"method ({', '.join(labels)})"] if labels[0] != labels[1] else []
            differ += differences(first, other)
            if differ:
                raise UserError(
                    f"{first.run_id} and {other.run_id} are no seeds of one method: they differ in "
                    f"{'; '.join(differ)}."
                )
        if len({record.run_id for record in found}) < len(found):
            raise UserError(f"A run stands twice in {text}.")
        return found

    def _one(self, text: str) -> Record:
        names = [*(record.run_id for record in self._runs.records), *self._runs.notes]
        if not text or not any(name.startswith(text) or name.endswith(text) for name in names):
            unknown = unknown_name("method", text, {*METHOD_CATALOGUE.names(), PRIOR.name, *self._labels})
            raise UserError(f"{unknown} Nor does a run begin or end with it; `bench ls` lists the runs.")
        record = self._runs.store.find(text)
        if record.run_id in self._runs.notes:
            raise UserError(f"{record.run_id} cannot be compared: {self._why_left_out(record)}.")
        if self._data not in (None, record.cell.data):
            raise UserError(f"{record.run_id} is a run on {record.cell.data}, not on {self._data}.")
        return self._under_protocol(self._runs.today(record))

    def _why_left_out(self, record: Record) -> str:
        if record.error:
            return f"it failed ({record.error})"
        if record.metrics is None:
            return "a server holds its test labels"
        return self._runs.notes[record.run_id].removeprefix(left_out(record, "")).removesuffix(".")

    def _beside_left_out(self, error: UserError, data: str, *labels: str) -> UserError:
        """With a line on every run of these methods that is left out: it may be the one that was meant."""
        starts = tuple(f"{data}-{label.partition('/')[0]}-s" for label in labels)
        notes = [note for run, note in self._runs.notes.items() if run.startswith(starts)]
        return UserError("\n".join([str(error), *notes]))

    def _under_protocol(self, record: Record) -> Record:
        if self._protocol is None:
            return record
        cell = record.cell.model_copy(update={"protocol": self._protocol})
        return record.model_copy(update={"cell": cell})

    def beside(self, fixed: Records, label: str) -> Records:
        """The runs of a method under the conditions of others."""
        first = fixed[0]
        of = first.cell.data, first.cell.row(), label
        found = self._of(label, first.cell.data)
        alike = [record for record in found if record.cell.conditions() == first.cell.conditions()]
        if not alike:
            raise self._beside_left_out(_no_shared_conditions(label, first, found[0]), *of)
        return tuple(alike)

    def methods(self, a: str, b: str) -> tuple[Records, Records]:
        """The runs of two methods under the one set of conditions that they share."""
        if a == b:
            raise UserError(f"{a} is named twice: name another method, or runs of it (`bench ls`).")
        if self._data is None:
            raise UserError(f"Name the data set on which {a} and {b} are compared: --data NAME.")
        all_a, all_b = self._of(a, self._data), self._of(b, self._data)
        different = {record.run_id: record for record in (*all_a, *all_b)}
        groups = [group.by_row() for group in group_records(different.values())]
        shared = [(rows[a], rows[b]) for rows in groups if a in rows and b in rows]
        if not shared:
            raise self._beside_left_out(_no_shared_conditions(b, all_a[0], all_b[0]), self._data, a, b)
        if len(shared) > 1:
            raise self._beside_left_out(_ambiguous(shared, self._again), self._data, a, b)
        (runs_a, runs_b) = shared[0]
        return tuple(runs_a), tuple(runs_b)

    def _of(self, label: str, data: str) -> list[Record]:
        """The runs of a method on a data set; those that differ in their protocol alone are one."""
        found: dict[str, Record] = {}
        for record in self._runs.records:
            if record.cell.data == data and record.cell.row() == label:
                measured = self._under_protocol(record)
                found.setdefault(measured.cell.key(), measured)
        if not found:
            notes = "; ".join(self.notes(data))
            raise UserError(
                f"No finished run of {label} on {data} under {self._runs.store.folder}"
                f"{f' ({notes})' if notes else ''}; `bench ls` lists the runs."
            )
        return list(found.values())

    def notes(self, data: str) -> tuple[str, ...]:
        """A line on every run on `data` that is left out."""
        known = {record.cell.data for record in self._runs.records} | {data}
        return tuple(notes_on((data,), self._runs.notes, known))


def _no_shared_conditions(label: str, one: Record, other: Record) -> UserError:
    return UserError(
        f"{one.cell.row()} and {label} have no runs on {one.cell.data} under the same conditions: "
        f"{one.run_id} and {other.run_id} differ in {'; '.join(differences(one, other))}."
    )


def _ambiguous(candidates: list[tuple[list[Record], list[Record]]], again: Callable[[str], str]) -> UserError:
    first, other = candidates[0][0][0], candidates[0][1][0]
    lines = [
        f"{first.cell.row()} and {other.cell.row()} were run on {first.cell.data} under "
        f"{len(candidates)} sets of conditions; choose one by the names of its runs:"
    ]
    for runs_a, runs_b in candidates:
        both = " ".join(",".join(record.run_id for record in runs) for runs in (runs_a, runs_b))
        lines.append(f"  bench {again(both)}")
        differ = differences(first, runs_a[0])
        than = f"; differs from the first in {', '.join(differ)}" if differ else ""
        lines.append(f"    {describe_schedule(runs_a[0])}{than}")
    return UserError("\n".join(lines))


def describe_schedule(record: Record) -> str:
    """The schedule of a run in a few words."""
    schedule = record.cell.schedule
    return (
        f"schedule {record.cell.schedule_title()}: {schedule.backbone} from {schedule.weights} weights, "
        f"{schedule.image_size} px, {schedule.epochs} epochs"
    )


def check_comparable(records: Sequence[Record]) -> None:
    """Raise UserError unless the records say that all were measured alike on the same test images."""
    first = records[0]
    for other in records[1:]:
        differ = _test_differences(first, other)
        if differ:
            raise UserError(
                f"{first.run_id} and {other.run_id} cannot be compared: they differ in {'; '.join(differ)}."
            )


def _check_tuned_alike(one: Record, other: Record) -> None:
    """Raise UserError where one of two runs is tuned and the other is not."""
    if (one.cell.tuned is None) != (other.cell.tuned is None):
        tuned, untuned = (one, other) if one.cell.tuned else (other, one)
        raise UserError(
            f"{tuned.run_id} is tuned and {untuned.run_id} is not, so a difference may come from the tune "
            "alone: compare both tuned or both untuned (`bench compare --mixed` compares these all the same)."
        )


def _test_differences(one: Record, other: Record) -> list[str]:
    named = [
        ("data set", one.cell.data, other.cell.data),
        ("split", one.cell.split, other.cell.split),
        ("number of classes", len(one.data.classes), len(other.data.classes)),
        ("number of test images", one.data.eval_images, other.data.eval_images),
    ]
    differ = [f"{name} ({mine}, {theirs})" for name, mine, theirs in named if mine != theirs]
    differ += class_difference(one.data.classes, other.data.classes)
    protocols = [record.cell.protocol for record in (one, other)]
    if protocols[0] != protocols[1].model_copy(update={"name": protocols[0].name}):
        names = f"{protocols[0].name}, {protocols[1].name}"
        differ.append(f"protocol ({names}; --protocol NAME measures both under one)")
    # Of training, test and, where the epoch was chosen on it, validation images.
    files = [record.cell.data_fingerprint.split("-")[1] for record in (one, other)]
    if not differ and files[0] != files[1]:
        differ.append(f"test images or labels (hash {', '.join(files)})")
    return differ


def different_test_sets(store: RecordStore, one: Record, other: Record) -> UserError:
    """What differs between the images and labels that two runs were measured on, in one sentence."""
    mine, theirs = store.scores(one), store.scores(other)
    runs = f"{one.run_id} and {other.run_id}"
    common, at_mine, at_theirs = np.intersect1d(mine.ids, theirs.ids, return_indices=True)
    if not len(common):
        return UserError(f"{runs} cannot be compared: they have no test image in common.")
    if len(common) < max(len(mine.ids), len(theirs.ids)):
        return UserError(
            f"{runs} cannot be compared: they share {len(common)} of {len(mine.ids)} and {len(theirs.ids)} "
            "test images."
        )
    row, column = np.argwhere(mine.labels[at_mine] != theirs.labels[at_theirs])[0]
    return UserError(
        f"{runs} cannot be compared: their labels differ, for one that of {one.data.classes[column]} in the "
        f"image {common[row]}."
    )
