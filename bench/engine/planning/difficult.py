"""What is learned of training labels that are difficult or not known, as nobody may have thought of it."""

from collections.abc import Iterable

from bench.engine.planning.plan import Cell
from bench.experiment.methods import options_of

_LEARNED = {"positive": "present", "negative": "absent"}


def difficult_notes(cells: Iterable[Cell]) -> list[str]:
    """A sentence each on labels of one's own data that are learned, and on those that are ignored in part."""
    counts: dict[str, int] = {}
    found = []
    for cell in cells:
        # A matrix may have a thousand cells, of a few data sets.
        if cell.spec.data not in counts:
            counts[cell.spec.data] = int((cell.dataset.train.labels == 0).sum())
        if counts[cell.spec.data] and cell.steps():
            found.append(_note(cell, counts[cell.spec.data]))
    return [*dict.fromkeys(filter(None, found))]


def _note(cell: Cell, count: int) -> str:
    name, difficult = cell.spec.data, cell.spec.schedule.difficult
    labels = f"{count:,} difficult training label{'s' if count > 1 else ''}"
    schedule = f"schedule {cell.spec.schedule_name}"
    if difficult in _LEARNED:
        # What the built-in data sets mean by it, and what the papers made of that, is known.
        if cell.dataset.info.home is None:
            return ""
        return (
            f"{name}: {schedule} learns {labels} as {_LEARNED[difficult]}; where difficult means not known, "
            "--set difficult=ignored leaves them out"
        )
    beside = options_of(cell.spec.method).told_ignored_as_absent
    if not beside:
        return ""
    return (
        f"{name}: {schedule} ignores {labels}, but {cell.spec.method.name} takes them as absent in {beside}"
    )
