"""What is stored already that a tune may not go on from: trials of other code, final runs of another tune."""

from pathlib import Path

from bench.engine.running.code import code_digest
from bench.errors import UserError
from bench.methods.catalog import METHOD_CATALOGUE, PRIOR
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.tunes import folder_of
from bench.tune.design import Design


def refuse_what_is_stored(design: Design, results: Path) -> None:
    """See that a tune may be begun, or gone on with, beside what is stored.

    Raises:
        UserError: its folder holds trials of other code, or another tune of the same design has final runs.
    """
    _refuse_other_code(folder_of(results, design.name))
    _refuse_other_name(design, results)


def _refuse_other_code(folder: Path) -> None:
    """Scores of trials that other code made are not those of this one."""
    shared = code_digest(PRIOR.name).partition("-")[0]
    for record in RecordStore(folder).all():
        if not isinstance(record, Record):
            continue
        name, code = record.cell.method.name, record.environment.code
        # What a method is that is not here, nobody can tell.
        if code.partition("-")[0] != shared or (METHOD_CATALOGUE.find(name) and code != code_digest(name)):
            raise UserError(
                f"{folder} holds trials that another version of the code made, which compare with no new "
                f"ones ({record.run_id}): go on with that version, or begin anew with another --results "
                "FOLDER, or with another --name and another --design-seed."
            )


def _refuse_other_name(design: Design, results: Path) -> None:
    """The name is not in the hash of a run, so what two tunes of one design choose gets into one row."""
    digest = design.digest()
    names = {
        record.cell.tuned.name
        for record in RecordStore(results).all()
        if isinstance(record, Record) and record.cell.tuned and record.cell.tuned.design == digest
    }
    if names and design.name not in names:
        name = min(names)
        raise UserError(
            f"Final runs of this design are stored in {results} by the tune {name}: go on with "
            f"--name {name}, or use another --results FOLDER or another --design-seed."
        )
