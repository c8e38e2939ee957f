"""Losses are read when they have arrived, in their order, and none is lost."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.engine.device import arrivals
from bench.engine.device.arrivals import Arrivals
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import OVERFLOWS, TINY, bench
from trees import write_voc


class Late:
    """Arrives when it is told to, or when it is waited for."""

    def __init__(self) -> None:
        self.there = False
        self.waited = False

    def query(self) -> bool:
        return self.there

    def synchronize(self) -> None:
        self.waited = self.there = True


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[Late]:
    """Numbers take their time, as from a GPU; the arrivals of those that were sent."""
    sent: list[Late] = []

    def copied(value: torch.Tensor) -> Any:
        sent.append(Late())
        return value, sent[-1]

    monkeypatch.setattr(arrivals, "_copied", copied)
    return sent


def test_on_a_cpu_a_number_is_there_at_once() -> None:
    losses = Arrivals[str]()
    losses.send("first", torch.tensor(0.1, requires_grad=True))
    assert list(losses.arrived()) == [("first", torch.tensor(0.1).item())]
    assert not list(losses.arrived()) and not list(losses.rest())


def test_nothing_is_waited_for_before_too_many_are_on_their_way(late: list[Late]) -> None:
    losses = Arrivals[int](limit=2)
    seen = []
    for step in range(5):
        losses.send(step, torch.tensor(float(step)))
        seen.append([about for about, _ in losses.arrived()])
    assert seen == [[], [], [0], [1], [2]]
    assert [one.waited for one in late] == [True, True, True, False, False]
    assert list(losses.rest()) == [(3, 3.0), (4, 4.0)]


def test_what_arrives_first_waits_for_what_was_sent_before_it(late: list[Late]) -> None:
    losses = Arrivals[int]()
    for step in range(3):
        losses.send(step, torch.tensor(float(step)))
    late[1].there = True
    assert not list(losses.arrived())
    late[0].there = True
    assert [about for about, _ in losses.arrived()] == [0, 1]
    assert [about for about, _ in losses.rest()] == [2] and late[2].waited


@pytest.mark.slow
@pytest.mark.usefixtures("late")
def test_a_nan_that_arrives_late_is_told_with_its_own_step_and_images(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=24, test=4)
    # One head whose loss overflows: an entropy weight beyond float32 on SALGL.
    arguments = ["run", "--methods", f"{OVERFLOWS},resnet", "--epochs", "1", *TINY]
    done = bench(tmp_path, tmp_path / "data", *arguments)
    assert done.exit_code == 1, done.output
    found = [one for one in RecordStore(tmp_path / "results").all() if isinstance(one, Record)]
    (failed,) = (one for one in found if one.status == "failed")
    assert failed.error and "epoch 1, step 1, at learning rate 7.69e-05" in failed.error, failed.error
    assert sum(f"{image:06d}" in failed.error for image in range(100)) == 4, "the four images of its batch"
    (trained,) = (one for one in found if one.history)
    assert trained.status == "finished" and trained.history[0].loss > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_numbers_come_from_a_gpu() -> None:
    losses = Arrivals[int]()
    for step in range(100):
        losses.send(step, torch.full((), step, device="cuda") * 2.0)
    found = [*losses.arrived(), *losses.rest()]
    assert found == [(step, 2.0 * step) for step in range(100)]
