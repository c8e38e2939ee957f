"""Train a stored run again, and say how far apart the two are."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.engine.planning.events import Events
from bench.engine.planning.plan import Cell, plan
from bench.errors import UserError
from bench.experiment.cell import RECIPE
from bench.experiment.matrix import MatrixSpec
from bench.files import temporary_folder
from bench.methods.backbones.initial_weights import name_of_packaged
from bench.methods.catalog import PRIOR
from bench.progress import Steps
from bench.records.groups import differences
from bench.records.record import Record, Verification
from bench.records.store import RecordStore
from bench.settings import work_folder


def cell_of(record: Record, given: MatrixSpec, task: Steps) -> Cell:
    """The cell that a record was made from, found here.

    Args:
        record: the stored run.
        given: where things lie that a record holds by hash alone: the data, vectors, weights.
        task: gives, for what begins to be read, the callback that it reports to.

    Raises:
        UserError: a record of another version, or what is here is not what the run was made from.
    """
    cell = record.cell
    if cell.recipe != RECIPE:
        raise UserError(
            f"{record.run_id} was made by recipe {cell.recipe}, and this version trains recipe {RECIPE}: "
            f"train it with version {record.environment.versions.get('mlr-bench', 'of its time')}."
        )
    is_prior = cell.method.name == PRIOR.name
    fields = cell.schedule.model_dump(exclude={"about"})
    if given.weights is not None or cell.init_from is not None:
        del fields["weights"]
    else:
        packaged = name_of_packaged(cell.schedule.weights, cell.weights_digest)
        fields["weights"] = packaged or cell.schedule.weights
    matrix = given.model_copy(
        update={
            # The prior, which cannot be asked for, comes with any method.
            "methods": ("resnet" if is_prior else cell.method.label(),),
            "seeds": (cell.seed,),
            "set": fields,
            "split": cell.split,
            "limit_train": cell.limit_train,
            "limit_eval": cell.limit_eval,
            "init_parts": cell.init_from.parts if cell.init_from else given.init_parts,
        }
    )
    cells = plan(matrix, task, cell.tuned, as_given=False)
    planned = cells[0] if is_prior else cells[1]
    # By what its protocol decided then, which may be otherwise today.
    found = replace(planned, spec=planned.spec.model_copy(update={"protocol": cell.protocol}))
    if found.spec.run_id() != record.run_id:
        other = record.model_copy(update={"cell": found.spec})
        what = "; ".join(differences(record, other)) or "its name"
        raise UserError(f"What is here is not what {record.run_id} was made from; it differs in: {what}.")
    return found


def verify(
    record: Record, cell: Cell, store: RecordStore, matrix: MatrixSpec, events: Events
) -> Verification:
    """Train the cell of a record again, and keep beside the record how far apart the two are.

    What is computed once for all runs is computed again too, and thrown away.

    Raises:
        UserError: the record has no scores, or the second training failed.
    """
    from bench.engine.planning.machine import Machine
    from bench.engine.running.run import run_cell

    before = store.scores(record)
    machine = Machine.choose(matrix.device, matrix.workers, matrix.compile, [cell])
    # In the work folder, which has room for features.
    computed_anew = temporary_folder(work_folder() / "features", record.run_id)
    with tempfile.TemporaryDirectory() as folder, computed_anew as computed:
        again_store = RecordStore(Path(folder))
        events.cell_started(cell, 1, 1)
        machine = replace(machine, computed=computed)
        again = run_cell(replace(cell, fresh=False), machine, again_store, events, Path(folder) / "run")
        events.cell_finished(again)
        if again.metrics is None or record.metrics is None:
            why = again.error or "a server holds its labels"
            raise UserError(f"{record.run_id} could not be trained again: {why}.")
        after = again_store.scores(again)
    verification = Verification(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=again.environment,
        same_bits=bool(np.array_equal(before.logits, after.logits)),
        largest_difference=float(np.abs(before.logits - after.logits).max()),
        map_before=record.metrics.mAP,
        map_again=again.metrics.mAP,
    )
    store.add_verification(record, verification)
    return verification
