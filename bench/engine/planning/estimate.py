"""How long a matrix will take, from records of runs that were made on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.engine.planning.plan import Cell
from bench.experiment.cell import CellSpec
from bench.experiment.schedule import Schedule
from bench.methods.catalog import PRIOR
from bench.records.record import Record
from bench.records.store import Damaged


@dataclass(frozen=True)
class Estimate:
    """What is known of the time that cells take.

    Attributes:
        seconds: of the cells that are known, together.
        known: how many cells these are.
        unknown: the methods of the others, each once.
    """

    seconds: float
    known: int
    unknown: tuple[str, ...]


def estimate(
    cells: Iterable[Cell], records: Iterable[Record | Damaged], device_name: str, drawn: bool = False
) -> Estimate:
    """Add up what cells will take, each at the speed of the latest run like it.

    A run is like it that trained the same method with the same backbone, image sizes, batch size and
    precision on the same device; one of a single epoch, which warms up and is slower, counts where there is
    no other. Reading the data and computing features are not in it.

    Args:
        cells: those to be run; the prior takes no time.
        records: what was run before.
        device_name: of this machine, as records have it.
        drawn: the options of the methods are drawn, so that hardly two runs share them: one of the method
            with other options counts where there is none with the same.
    """
    latest: dict[tuple[object, ...], Record] = {}
    for record in records:
        if isinstance(record, Record) and _has_speeds(record, device_name):
            for key in _keys(record.cell, drawn):
                if key not in latest or _credit(record) > _credit(latest[key]):
                    latest[key] = record
    seconds, known, unknown = 0.0, 0, []
    for cell in cells:
        like = next((latest[key] for key in _keys(cell.spec, drawn) if key in latest), None)
        if cell.spec.method.name == PRIOR.name:
            known += 1
        elif like is None:
            unknown.append(cell.spec.method.name if drawn else cell.spec.method.label())
        else:
            known += 1
            seconds += _seconds(cell, like)
    return Estimate(seconds, known, tuple(dict.fromkeys(unknown)))


def _has_speeds(record: Record, device_name: str) -> bool:
    """Whether it was made on this device, and says how fast; nothing is divided by a speed of zero."""
    if record.cost is None or record.environment.device_name != device_name:
        return False
    return min(record.cost.train_images_per_second, record.cost.eval_images_per_second) > 0


def _credit(record: Record) -> tuple[bool, str]:
    return record.training_rate() is not None, record.created


def _keys(cell: CellSpec, drawn: bool) -> list[tuple[object, ...]]:
    """What runs of the same speed have in common, the closest first."""
    names = [cell.method.label(), *([f"{cell.method.name}/*"] if drawn else [])]
    return [_what_decides_speed(name, cell.schedule) for name in names]


def _what_decides_speed(label: str, schedule: Schedule) -> tuple[object, ...]:
    fields = (
        "backbone",
        "image_size",
        "test_size",
        "batch_size",
        "precision",
        "trained_backbone",
        "head_width",
    )
    return (label, *(getattr(schedule, name) for name in fields))


def _seconds(cell: Cell, record: Record) -> float:
    schedule, cost = cell.spec.schedule, record.cost
    assert cost is not None
    evaluations = sum(schedule.evaluates_after(epoch + 1) for epoch in range(schedule.epochs))
    # Once more with the epoch that is reported, if that is chosen, and with the average beside the weights.
    evaluations += (schedule.chooses_on is not None) + (schedule.ema_beside is not None)
    return (
        schedule.epochs * len(cell.dataset.train) / cost.train_images_per_second
        + evaluations * len(cell.dataset.eval) / cost.eval_images_per_second
    )
