"""The schedules that a matrix names, found: their files, fields, precision and initial weights."""

from pathlib import Path
from typing import NamedTuple

from bench.datasets.locate import dataset_info
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.experiment.schedule import Precision, Schedule, load_schedule
from bench.methods.backbones.initial_weights import InitialWeights, initial_weights


class NamedSchedule(NamedTuple):
    """A schedule under its name; `automatic` says that its precision was found here, for `auto`."""

    name: str
    schedule: Schedule
    weights: InitialWeights
    automatic: bool


def schedules_of(matrix: MatrixSpec, as_given: bool) -> dict[str, list[NamedSchedule]]:
    """By data set the schedules of a matrix, one for each backbone.

    Args:
        matrix: what is asked for.
        as_given: a person set the fields of the schedule, and not a draw or a record; as `load_schedule`.

    Raises:
        UserError: a schedule that does not exist or cannot be used, or whose precision tasks could not know.
    """
    found = {
        data: [
            _schedule(matrix, matrix.schedule or dataset_info(data).default_schedule, overrides, as_given)
            for overrides in matrix.schedule_overrides()
        ]
        for data in matrix.data
    }
    if matrix.launcher == "slurm" and not _on_gpus(matrix):  # where auto is the same everywhere
        _check_precision([one for several in found.values() for one in several])
    return found


def _check_precision(schedules: list[NamedSchedule]) -> None:
    """UserError where tasks are not told what `auto` was here: they are told of one precision for all."""
    precisions = sorted({one.schedule.precision for one in schedules})
    if len(precisions) > 1 and any(one.automatic for one in schedules):
        raise UserError(
            f"The schedules of this matrix have the precisions {' and '.join(precisions)}, one of them by "
            "auto, which may be another where the tasks run: submit each data set by itself, or give one "
            "precision for all with --precision."
        )


def _schedule(matrix: MatrixSpec, name: str, overrides: dict[str, object], as_given: bool) -> NamedSchedule:
    found: list[Precision] = []

    def automatic() -> Precision:
        found.append(_automatic_precision(matrix))
        return found[0]

    schedule = load_schedule(name, overrides, automatic, as_given)
    if matrix.init_from:
        if matrix.weights not in (None, "none"):
            raise UserError("Give --weights or --init-from, not both: the file has weights for the backbone.")
        schedule = schedule.model_copy(update={"weights": "none"})
    return NamedSchedule(Path(name).stem, schedule, initial_weights(schedule.weights), bool(found))


def _automatic_precision(matrix: MatrixSpec) -> Precision:
    # A node of a cluster has the GPU, and where a matrix is submitted there need not be one: it is taken for
    # one of today, all of which multiply bf16.
    elsewhere = matrix.launcher == "slurm"
    if elsewhere and _on_gpus(matrix):
        return "bf16"
    # Here, because it imports torch, which takes seconds.
    from bench.engine.device.environment import automatic_precision

    return automatic_precision("cpu" if elsewhere else matrix.device)


def _on_gpus(matrix: MatrixSpec) -> bool:
    return matrix.device.startswith("cuda")
