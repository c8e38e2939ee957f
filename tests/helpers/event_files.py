"""Read the log of a training back with TensorBoard's own reader."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Curves = dict[str, list[tuple[int, float]]]
"""Steps and values by name."""


def read_log(folder: Path) -> EventAccumulator:
    """All of a log, without the choice that the reader makes where there is much of it."""
    log = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    return log.Reload()


def curves(folder: Path) -> Curves:
    log = read_log(folder)
    return {tag: [(one.step, one.value) for one in log.Scalars(tag)] for tag in log.Tags()["scalars"]}
