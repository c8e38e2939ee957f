"""A batch that the memory does not hold is computed in parts, with the gradients of the whole."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.datasets.feed import Batch
from bench.engine.device.environment import fabric_on, precision_plugin
from bench.engine.device.memory import AtOnce
from bench.engine.training.gradients import Gradients
from bench.engine.training.optimisation import build_optimizer
from bench.engine.training.watch import Watch
from bench.experiment.schedule import Schedule
from bench.methods.model import MultiLabelModel
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import SALGL, TINY, bench
from made_records import SCHEDULE, made_cell
from small_heads import CLASSES, SMALL
from small_models import SIDE, small_model, tiny_backbone
from trees import write_voc

CPU = torch.device("cpu")


class Scarce(nn.Module):
    """A model in a memory that holds so many images at once, and finds out in one pass or the other."""

    def __init__(self, model: MultiLabelModel, holds: int, backward: bool = False) -> None:
        super().__init__()
        self.model = model
        self.holds = holds
        self.backward = backward
        self.tried: list[int] = []

    def forward(self, images: Tensor, targets: Tensor | None = None) -> Any:
        self.tried.append(len(images))
        full = len(images) > self.holds
        if full and not self.backward:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if full:
            weight = self.model.backbone.network[0].weight  # type: ignore[index, union-attr]
            weight.register_post_accumulate_grad_hook(self._fill)
        return self.model(images, targets)

    def _fill(self, _: Tensor) -> None:
        if self.tried[-1] > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory.")


def batch_of(size: int, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (size, 3, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    labels = torch.randint(-1, 2, (size, CLASSES), generator=draw, dtype=torch.int8)
    return Batch(images, labels, [f"{seed}-{image}" for image in range(size)], [0] * size)


def model_of(head: str = "resnet") -> MultiLabelModel:
    torch.manual_seed(0)
    return small_model(head, tiny_backbone()).model.train()


def gradients_of(module: nn.Module, model: MultiLabelModel, schedule: Schedule = SCHEDULE) -> Gradients:
    fabric = fabric_on(CPU, precision_plugin("fp32", CPU))
    wrapped, optimizer = fabric.setup(module, build_optimizer(model, schedule))
    watch = Watch((), made_cell(), (), print)
    return Gradients(fabric, wrapped, optimizer, schedule, watch, AtOnce(least=2))


def found(model: MultiLabelModel) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


LOSSES: list[dict[str, Any]] = [
    {},
    {"difficult": "ignored"},
    {"difficult": "ignored", "loss": {"name": "soft-margin"}},
    {"difficult": "negative", "reduction": "sum"},
    {"difficult": "ignored", "reduction": "sum-of-classes", "loss": {"name": "asl"}},
]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("changes", LOSSES)
def test_the_parts_add_up_to_the_batch(changes: dict[str, Any], backward: bool) -> None:
    schedule = Schedule(**{**SCHEDULE.model_dump(mode="json"), **changes})
    plain, scarce = model_of(), Scarce(model_of(), 3, backward)
    whole = gradients_of(plain, plain, schedule)
    parts = gradients_of(scarce, scarce.model, schedule)
    expected = [whole.add(batch_of(7, seed), seed, 2) for seed in range(2)]
    losses = [parts.add(batch_of(7, seed), seed, 2) for seed in range(2)]
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(found(scarce.model), found(plain))
    assert scarce.tried[:2] == [7, 3] and max(scarce.tried[2:]) <= 4 and parts.at_once.limit == 2


def test_all_batches_of_a_step_are_taken_anew() -> None:
    plain, scarce = model_of(), Scarce(model_of(), 7, backward=True)
    whole, parts = gradients_of(plain, plain), gradients_of(scarce, scarce.model)
    for seed, size in enumerate((6, 8)):  # the second fails behind the gradients of the first
        whole.add(batch_of(size, seed), seed, 2)
        parts.add(batch_of(size, seed), seed, 2)
    assert scarce.tried == [6, 8, 3, 3, 4, 4]
    torch.testing.assert_close(found(scarce.model), found(plain))
    parts.clear()
    assert not found(scarce.model)


def test_a_memory_that_holds_no_part_is_said() -> None:
    scarce = Scarce(model_of(), 1)
    with pytest.raises(torch.OutOfMemoryError):
        gradients_of(scarce, scarce.model).add(batch_of(9), 0, 1)
    assert min(scarce.tried) == 2, "batch statistics need two"


@pytest.mark.parametrize("count", range(1, 20))
def test_parts_are_alike_and_none_is_too_small(count: int) -> None:
    at_once = AtOnce(least=2)
    for limit in (None, 1, 2, 3, 8, 40):
        at_once.limit = limit
        parts = at_once.parts(count)
        sizes = [part.stop - part.start for part in parts]
        assert [i for part in parts for i in range(count)[part]] == list(range(count))
        assert max(sizes) - min(sizes) <= 1 and (min(sizes) >= 2 or count == 1)


@pytest.fixture
def scarce_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A memory that holds three images at once, in training and in evaluation."""
    forward = MultiLabelModel.forward

    def limited(self: MultiLabelModel, images: Tensor, *more: Any, **named: Any) -> Any:
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, images, *more, **named)

    monkeypatch.setattr(MultiLabelModel, "forward", limited)
    return


@pytest.mark.slow
@pytest.mark.usefixtures("scarce_memory")
def test_a_run_in_a_small_memory_finishes_and_says_so(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=13, test=5)
    asked = ("run", "--methods", SALGL, "--epochs", "1", *TINY, "--batch-size", "6")
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0, done.output
    assert "the memory does not hold what 6 images at once take; from here on 3 are" in done.output
    (record,) = (one for one in RecordStore(tmp_path / "results").all() if one.run_id.count("salgl"))
    assert isinstance(record, Record) and record.status == "finished" and record.cost
    assert record.cost.images_at_once == 3 and record.metrics and record.metrics.num_images == 5
    said = "NOTE: the memory held no whole batch, so batch statistics are of parts of it: "
    assert f"{said}{record.run_id}, 3 images at once" in bench(tmp_path, None, "tables", "voc2007").stdout


@pytest.mark.slow
def test_a_run_that_was_cut_goes_on_so_in_a_larger_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its epochs would be normalised over unlike parts, and its record would hide the first ones."""
    write_voc(tmp_path / "data", train=13, test=5)
    asked = ("run", "--methods", "resnet", "--epochs", "2", *TINY, "--batch-size", "6")
    forward, trained_on = MultiLabelModel.forward, []

    def limited(self: MultiLabelModel, images: Tensor, *more: Any) -> Any:
        if list((tmp_path / "work" / "runs").glob("*resnet*/training.pt")):
            raise KeyboardInterrupt
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, images, *more)

    def whole(self: MultiLabelModel, images: Tensor, *more: Any) -> Any:
        if self.training and torch.is_grad_enabled():
            trained_on.append(len(images))
        return forward(self, images, *more)

    monkeypatch.setattr("bench.cli._die_of_the_signal", lambda number: None)
    monkeypatch.setattr(MultiLabelModel, "forward", limited)
    stopped = bench(tmp_path, tmp_path / "data", *asked)
    assert stopped.exit_code == 128 + signal.SIGINT, stopped.output
    monkeypatch.setattr(MultiLabelModel, "forward", whole)
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0 and "going on after epoch 1 of 2" in done.output, done.output
    (record,) = (one for one in RecordStore(tmp_path / "results").all() if one.run_id.count("resnet"))
    assert isinstance(record, Record) and record.cost and record.cost.images_at_once == 3
    assert set(trained_on) == {3}


class _Asked(TorchDispatchMode):
    """Counts operations that read a value, for which a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = name.startswith("index") and any(
            isinstance(one, Tensor) and one.dtype == torch.bool
            for arg in args
            if isinstance(arg, list | tuple)
            for one in arg
        )
        if masks or name in {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"}:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("head", SMALL)
def test_no_step_reads_a_value(head: str) -> None:
    model = model_of(head)
    gradients = gradients_of(model, model)
    batch = batch_of(4)
    gradients.add(batch, 0, 1)
    with _Asked() as asked:
        loss = gradients.add(batch, 0, 1)
        gradients.clear()
    assert not asked.names
    with _Asked() as asked:
        loss.item()
    assert asked.names, "it would have been seen"
