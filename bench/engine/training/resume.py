"""What a training leaves after each epoch, and how it goes on from there."""

import json
from typing import Any

from lightning_fabric.plugins import MixedPrecision
from torch import Tensor, nn

from bench.engine.training.checkpoint import (
    TrainingState,
    load_state,
    save_state,
    save_weights,
    weights_of,
    weights_to,
)
from bench.engine.training.in_training import Run, best_epoch
from bench.engine.training.optimisation import load_optimizer
from bench.files import write_text
from bench.records.numerics import changes
from bench.records.record import Environment, Epoch, TrainedBefore
from bench.settings import BEST_FILES, CHECKPOINT, EPOCHS


def keep(run: Run, history: list[Epoch], environment: Environment) -> None:
    """Write down what the last epoch has left.

    The weights of the epoch that was best before go when the checkpoint names another: a process that ends in
    between goes on before the last epoch, which may then be another one.
    """
    chooses = run.spec.schedule.select == "best"
    if chooses and best_epoch(history) == history[-1].epoch:
        save_weights(weights_to(run.folder, history[-1].epoch), run.plain)
    run.watch.epoch(history[-1])
    before = sum(part.epochs for part in run.trained_before)
    trained = (*run.trained_before, TrainedBefore(epochs=len(history) - before, environment=environment))
    save_state(run.folder / CHECKPOINT, TrainingState(history, run.spent(), _state_dicts(run), trained))
    write_text(run.folder / EPOCHS, json.dumps({"epochs": len(history)}) + "\n")
    if chooses:
        for other in set(run.folder.glob(BEST_FILES)) - {weights_of(run.folder, best_epoch(history))}:
            other.unlink()


def resume(run: Run, environment: Environment) -> list[Epoch]:
    """Go on from the checkpoint in the run's folder where there is one; gives the epochs that are done.

    Raises:
        RuntimeError: the checkpoint is damaged.
    """
    state = run.ranks.from_first(lambda: load_state(run.folder / CHECKPOINT))
    if state is None:
        return []
    _load(run.built.model, state.tensors["model"])
    load_optimizer(run.optimizer, state.tensors["optimizer"])
    if run.average is not None:
        _load(run.average, state.tensors["average"])
    if isinstance(run.precision, MixedPrecision):
        run.precision.load_state_dict(state.tensors["precision"])
    run.spent_before = state.spent
    # Batch statistics are of so many images from then on, in whatever memory.
    run.gradients.at_once.limit = state.spent.images_at_once
    other = _note_conditions(run, state, environment)
    run.events.note(f"going on after epoch {len(state.history)} of {run.spec.schedule.epochs}{other}")
    return state.history


def _note_conditions(run: Run, state: TrainingState, environment: Environment) -> str:
    """Remember the epochs of a checkpoint that were trained otherwise; gives what is to be said of that."""
    trained = state.trained or (TrainedBefore(epochs=len(state.history), environment=None),)
    last = changes(trained[-1].environment, environment)
    run.trained_before = trained if last else trained[:-1]
    if not last:
        return ""
    return f", under other conditions than before, which the record keeps: {', '.join(last)}"


def _state_dicts(run: Run) -> dict[str, dict[str, Any]]:
    states = {"model": _changing(run, run.built.model), "optimizer": run.optimizer.state_dict()}
    if run.average is not None:
        states["average"] = _changing(run, run.average)
    if isinstance(run.precision, MixedPrecision):
        states["precision"] = run.precision.state_dict()
    return states


def _changing(run: Run, model: nn.Module) -> dict[str, Tensor]:
    """The state of a model or of its average, without a backbone that is as it was built."""
    state = model.state_dict()
    if run.spec.schedule.trained_backbone != "none":
        return state
    return {name: tensor for name, tensor in state.items() if not _of_backbone(name)}


def _load(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Put a state into a model or its average; a backbone that is left out stays as it was built."""
    built = {name: tensor for name, tensor in model.state_dict().items() if _of_backbone(name)}
    model.load_state_dict({**built, **state})


def _of_backbone(name: str) -> bool:
    return name.removeprefix("module.").startswith("backbone.")
