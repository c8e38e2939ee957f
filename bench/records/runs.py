"""The stored runs that tables are made of, under any protocol, and why each other run is left out."""

from collections.abc import Sequence

from bench.errors import UserError
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS, Protocol
from bench.records.agreement import disagreement
from bench.records.known import known_of
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore


class Runs:
    """What the tables are made from.

    Attributes:
        records: the finished runs that have metrics, in the order of their names; each measured by what the
            protocol that it names decides today, which may not be what it decided when the run was made.
        notes: by run a line on each other one.
    """

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.records: list[Record] = []
        self.notes: dict[str, str] = {}
        self._measured: dict[tuple[str, Protocol], Record] = {}
        records = []
        for record in store.all():
            if isinstance(record, Damaged):
                self.notes[record.run_id] = f"left out, damaged: {record.run_id}: {record.reason}"
            elif record.status == "failed":
                self.notes[record.run_id] = f"left out, failed: {record.run_id}: {record.error}"
            elif record.metrics is None:
                self.notes[record.run_id] = left_out(
                    record,
                    "its test labels are held by the evaluation server; "
                    f"`bench submission {record.run_id}` writes the files to send there",
                )
            elif said := disagreement(store, record):
                self.notes[record.run_id] = left_out(record, said)
            else:
                records.append(self.today(record))
        # Made again since, a run is there twice: as it is, and measured anew.
        anew = {record.run_id for record in records if record.is_measured_anew()}
        current = {record.run_id for record in records} - anew
        self.records = [
            record for record in records if record.run_id not in anew or record.cell.run_id() not in current
        ]
        for find in (_superseded, _made_twice):
            without = find(self.records)
            self.records = [record for record in self.records if record.run_id not in without]
            self.notes |= without

    def today(self, record: Record) -> Record:
        """A run by what the protocol that it names decides today."""
        protocol = PROTOCOLS.get(record.cell.protocol.name)
        if protocol is None or protocol == record.cell.protocol:
            return record
        return self.measured(record, protocol)

    def measured(self, record: Record, protocol: Protocol) -> Record:
        """The record with what its stored scores give under `protocol`.

        Raises:
            UserError: the protocol is another than the record's, and the scores are not those of the run's
                images.
        """
        key = record.run_id, protocol
        if key not in self._measured:
            metrics, averaged, known = record.metrics, record.averaged, record.known
            if record.cell.protocol.model_copy(update={"name": protocol.name}) != protocol:
                scores = self.store.scores(record)
                if len(scores.ids) != record.data.eval_images:
                    raise UserError(
                        f"its scores are of {len(scores.ids)} images, not of {record.data.eval_images}"
                    )
                metrics = evaluate(scores.logits, scores.labels, protocol)
                if scores.averaged is not None:
                    averaged = evaluate(scores.averaged, scores.labels, protocol)
                known = known_of(record, scores, protocol)
            cell = record.cell.model_copy(update={"protocol": protocol})
            measured = {"cell": cell, "metrics": metrics, "averaged": averaged, "known": known}
            self._measured[key] = record.model_copy(update=measured)
        return self._measured[key]

    def under(self, protocol: Protocol | None) -> tuple[list[Record], dict[str, str]]:
        """Every run, measured under a protocol if one is given, and by run a line on what is left out."""
        if protocol is None:
            return self.records, self.notes
        records: dict[str, Record] = {}
        notes = dict(self.notes)
        for record in self.records:
            try:
                measured = self.measured(record, protocol)
            except UserError as error:
                notes[record.run_id] = left_out(record, str(error))
                continue
            # Runs that differed in their protocol alone are one and the same under another.
            records.setdefault(measured.cell.key(), measured)
        return list(records.values()), notes


def _superseded(records: Sequence[Record]) -> dict[str, str]:
    """By run a line on the tuned ones that stand in a row with what was chosen later, by whatever tune.

    The hash of the conditions says what values were chosen from, not which, and nothing of the tune's name:
    as seeds of one row the runs of two choices would make a mean of no method at all.
    """
    rows: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in records:
        if record.cell.tuned:
            row = rows.setdefault((record.cell.conditions(), record.cell.row()), {})
            row.setdefault(record.cell.but_seed(), []).append(record)
    notes = {}
    for choices in rows.values():
        *before, last = sorted(choices.values(), key=lambda runs: max((r.created, r.run_id) for r in runs))
        for record in (record for runs in before for record in runs):
            notes[record.run_id] = left_out(
                record,
                f"{_tune_of(record)} chose other values for {record.cell.row()} than {_tune_of(last[0])} did "
                f"later under the same design, for {last[0].run_id}, and one row has one of them",
            )
    return notes


def _made_twice(records: Sequence[Record]) -> dict[str, str]:
    """By run a line on each that another one, made later, repeats: a row has a seed once.

    Two runs may have the same conditions, row and seed and not be one: an option that a method has got since
    stands in the later one, with its default.
    """
    same: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        cell = record.cell
        same.setdefault((cell.conditions(), record.data.classes, cell.row(), cell.seed), []).append(record)
    notes = {}
    for several in same.values():
        *before, last = sorted(several, key=lambda record: (record.created, record.run_id))
        for record in before:
            notes[record.run_id] = left_out(
                record, f"{last.run_id} is the same method under the same conditions and seed, made later"
            )
    return notes


def _tune_of(record: Record) -> str:
    return f"the tune {record.cell.tuned.name}" if record.cell.tuned else "no tune"


def left_out(record: Record, reason: str) -> str:
    """The line under a table on a run that is not in it."""
    return f"left out: {record.run_id}: {reason}"


def notes_on(data: tuple[str, ...], notes: dict[str, str], known: set[str]) -> list[str]:
    """The lines on runs on these data sets, and on runs whose names tell no data set of `known`."""
    return [note for run, note in notes.items() if _data_of(run, known) in (*data, None)]


def _data_of(run_id: str, known: set[str]) -> str | None:
    """The longest name of a data set that a run's name begins with."""
    return max((data for data in known if run_id.startswith(f"{data}-")), key=len, default=None)
