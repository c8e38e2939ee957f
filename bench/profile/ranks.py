"""A training by several processes that share each batch, beside the same by one."""

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError
from bench.profile.commands import BENCH, Waited, run
from bench.profile.report import Figure
from bench.records.record import Record
from bench.records.store import RecordStore


@dataclass(frozen=True)
class Shared:
    """What is trained, alike for every method.

    Attributes:
        backbone: by name, with random weights.
        side: of the images, pixels.
        batch: images, of all processes.
        steps: of an epoch.
        epochs: the first warms up where there are more.
        device: by name, without a number.
    """

    backbone: str
    side: int
    batch: int
    steps: int
    epochs: int
    device: str

    def arguments(self, method: str, devices: int, results: Path) -> tuple[str, ...]:
        """Of `bench run`."""
        return (
            *("run", "--methods", method, "--data", "scenes", "--schedule", "identical", "--weights", "none"),
            *("--backbone", self.backbone, "--image-size", str(self.side), "--batch-size", str(self.batch)),
            *("--epochs", str(self.epochs), "--limit-train", str(self.batch * self.steps)),
            *("--limit-eval", "2", "--device", self.device, "--devices", str(devices)),
            *("--results", str(results)),
        )


def measure_ranks(method: str, shared: Shared, devices: int, folder: Path, repeats: int) -> Figure:
    """Train by one process and by several in turn; milliseconds of an image in training.

    Args:
        method: with its options.
        shared: what is trained.
        devices: processes.
        folder: an empty one.
        repeats: how often.

    Raises:
        UserError: a training fails.
    """
    found: dict[int, list[float]] = {devices: [], 1: []}
    for repeat in range(repeats):
        for count in found if repeat % 2 else reversed(found):  # neither is always the first
            results = folder / f"{method.replace('/', '-')}-{repeat}-{count}"
            asked = shared.arguments(method, count, results)
            run((sys.executable, *BENCH, *asked), folder / "work", Waited())
            found[count].append(1e3 / _rate(results))
    what = f"{method}: training an image, {shared.backbone} at {shared.side}, batch {shared.batch}"
    return Figure(
        what=f"{what}, {devices} processes",
        unit="ms",
        values=tuple(found[devices]),
        against="one process",
        beside=tuple(found[1]),
        bound=f"{devices} times as fast, with as many GPUs; one process uses all processors of a machine too",
    )


def _rate(results: Path) -> float:
    """Images per second of the run that has them."""
    rates = [
        record.cost.train_images_per_second
        for record in RecordStore(results).all()
        if isinstance(record, Record) and record.cost
    ]
    if not rates:
        raise UserError(f"A training that was to be measured has failed: `bench ls --results {results}`.")
    return rates[0]
