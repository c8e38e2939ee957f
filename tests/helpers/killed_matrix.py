"""A matrix that is killed at random moments until it is through, held against one that nobody disturbs."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.experiment.schedule import load_schedule
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, own_environment
from forked_bench import ForkServer, kill_all
from trees import write_voc

TRAINING_IMAGES, TEST_IMAGES, EPOCHS = 12, 4, 3
# In a matrix that is killed: afterwards it is let through.
KILLS_IN_A_ROW = 12


@dataclass
class Found:
    """What came of matrices that were killed.

    Attributes:
        kills: how often one was.
        matrices: how many were brought to their end.
        differences: of a matrix that was killed from the undisturbed one, in words.
    """

    kills: int = 0
    matrices: int = 0
    differences: list[str] = field(default_factory=list)


def matrix(folder: Path) -> list[str]:
    """The command: a head with a memory beside its parameters, an average, the best epoch, and a log."""
    fields = {
        **load_schedule("demo", {}).model_dump(mode="json"),
        **{"ema_decay": 0.9, "evaluate_every": 1, "select": "best", "select_on": "test"},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(fields))
    return [
        *(
            "run",
            "--methods",
            "resnet,salgl",
            "--epochs",
            str(EPOCHS),
            "--schedule",
            str(folder / "mine.yaml"),
        ),
        *(*TINY, "--log", "tensorboard"),
    ]


def kill_matrices(folder: Path, kills: int, seed: int) -> Found:
    """Kill matrices so often in all, at moments drawn evenly over the time that one takes.

    Args:
        folder: of everything.
        kills: how many.
        seed: of the moments.
    """
    data = folder / "data"
    write_voc(data, train=TRAINING_IMAGES, test=TEST_IMAGES)
    command, rng, found = matrix(folder), random.Random(seed), Found()
    with ForkServer() as server:
        takes = _through(server, folder / "whole", data, command)
        whole = everything(folder / "whole")
        while found.kills < kills:
            place = folder / f"killed{found.matrices}"
            for _ in range(min(KILLS_IN_A_ROW, kills - found.kills)):
                if not _kill(server, place, data, command, rng.uniform(0, takes)):
                    takes *= 0.7  # the first was slower: it loaded what the others find, or was not alone
                    break
                found.kills += 1
            _through(server, place, data, command)
            found.matrices += 1
            found.differences += differences(whole, everything(place))
    return found


def _through(server: ForkServer, place: Path, data: Path, command: list[str]) -> float:
    """Run to the end; returns the seconds that it took."""
    place.mkdir(exist_ok=True)
    started = time.monotonic()
    status = server.run(command, place, own_environment(place, data), place / "printed.txt")
    if status:
        raise AssertionError(f"ended with {status}: {(place / 'printed.txt').read_text()}")
    return time.monotonic() - started


def _kill(server: ForkServer, place: Path, data: Path, command: list[str], after: float) -> bool:
    """Kill after so many seconds; False where it came to its end before."""
    place.mkdir(exist_ok=True)
    process = server.start(command, place, own_environment(place, data), place / "printed.txt")
    time.sleep(after)
    kill_all(process)
    return server.wait(process) != 0


def everything(place: Path) -> dict[str, object]:
    """All that a matrix leaves, by name: files of what is to be equal with their content."""
    left: dict[str, object] = {}
    for file in sorted([*(place / "results").rglob("*"), *(place / "work").rglob("*")]):
        name = file.relative_to(place).as_posix()
        # A log has a file for each process.
        if not name.startswith("work/logs"):
            left[name] = "there"
    store = RecordStore(place / "results")
    for record in store.all():
        assert isinstance(record, Record), record
        left[record.run_id] = (
            *(record.metrics, record.averaged, record.selected_epoch, record.eval_feed),
            *((one.loss, one.lr, one.feed, one.images, one.metrics) for one in record.history),
        )
        left[f"{record.run_id}: scores"] = record.scores_sha256
        model = place / "work" / "runs" / record.run_id / "model.safetensors"
        left[f"{record.run_id}: model"] = model.read_bytes() if model.is_file() else None
    return left


def differences(whole: dict[str, object], killed: dict[str, object]) -> list[str]:
    """What is there in one alone, or not the same."""
    return [
        *(f"{name} is left" for name in killed if name not in whole),
        *(f"{name} is missing" for name in whole if name not in killed),
        *(f"{name} differs" for name in whole if name in killed and whole[name] != killed[name]),
    ]
