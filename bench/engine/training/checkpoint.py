"""The state of a training between two epochs, from which it goes on with the same bits."""

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.arrays import check_packed
from bench.records.record import Epoch, TrainedBefore
from bench.tensors import write_pickled, write_tensors


@dataclass(frozen=True)
class Spent:
    """What a run took so far.

    Attributes:
        seconds: wall time.
        peak_memory: bytes.
        images_at_once: in a training step, where the memory held no whole batch.
    """

    seconds: float
    peak_memory: int
    images_at_once: int | None = None


@dataclass(frozen=True)
class TrainingState:
    """What `fit` needs to go on.

    Attributes:
        history: the epochs that are done.
        spent: what they took.
        tensors: state dicts by name (model, optimizer, and scaler and average where there are).
        trained: with what these epochs were trained, in their order; empty where a file does not say.
    """

    history: list[Epoch]
    spent: Spent
    tensors: dict[str, dict[str, Any]]
    trained: tuple[TrainedBefore, ...] = ()


def save_state(path: Path, state: TrainingState) -> None:
    """Write the state atomically, replacing the one of the epoch before."""
    history = json.dumps([epoch.model_dump(mode="json") for epoch in state.history])
    trained = json.dumps([part.model_dump(mode="json") for part in state.trained])
    content = {"history": history, "trained": trained, "spent": asdict(state.spent)}
    write_pickled(path, {**content, "tensors": state.tensors})


def load_state(path: Path) -> TrainingState | None:
    """Read the state, or None where there is none. No code in the file is run.

    Raises:
        RuntimeError: the file was damaged.
    """
    if not path.is_file():
        return None
    try:
        # What is no zip was not written here; PyTorch would unpack a tar of its first version.
        with zipfile.ZipFile(path) as packed:
            check_packed(packed, path.stat().st_size)
        stored = torch.load(path, map_location="cpu", weights_only=True)
        history = [Epoch(**epoch) for epoch in json.loads(stored["history"])]
        # Which checkpoints did not hold before.
        trained = tuple(TrainedBefore(**part) for part in json.loads(stored.get("trained", "[]")))
        return TrainingState(history, Spent(**stored["spent"]), stored["tensors"], trained)
    except Exception as error:  # each layer of the format has its own kinds
        raise RuntimeError(
            f"the checkpoint {path} cannot be read ({error}); --overwrite failed starts again"
        ) from error


def weights_of(folder: Path, epoch: int) -> Path:
    """Where a run keeps the weights after an epoch, the best one so far."""
    without_number = folder / "best.safetensors"  # as it was called in folders of version 0.1
    named = weights_to(folder, epoch)
    return without_number if without_number.is_file() and not named.is_file() else named


def weights_to(folder: Path, epoch: int) -> Path:
    """Where a run writes them, as `BEST_FILES` finds them."""
    return folder / f"best-{epoch}.safetensors"


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's weights as safetensors, atomically."""
    tensors: dict[str, Tensor] = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    write_tensors(path, tensors)
