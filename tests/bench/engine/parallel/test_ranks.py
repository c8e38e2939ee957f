"""Several processes that share each batch train what one process trains."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from bench.datasets.feed import EpochBatches, PartOfBatches, part_sizes
from bench.engine.device.arrivals import Arrivals
from bench.engine.device.memory import AtOnce
from bench.engine.parallel.join import joined
from bench.engine.parallel.ranks import Ranks
from bench.engine.planning.machine import Machine
from bench.engine.training.set_up import why_whole
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.experiment.schedule import load_schedule
from places import ROOT
from ranks_trained import COUNT, IMAGES, OTHERS
from small_heads import SMALL
from trees import write_voc

pytestmark = pytest.mark.slow

Results = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    """What each of two processes has made of all variants."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    write_voc(data, train=IMAGES, test=8)
    script = ROOT / "tests" / "helpers" / "ranks_trained.py"
    processes = [
        subprocess.Popen([sys.executable, script, data, out, str(rank)], stderr=subprocess.PIPE, text=True)
        for rank in range(COUNT)
    ]
    for process in processes:
        _, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
    return [torch.load(out / f"{rank}.pt", weights_only=False) for rank in range(COUNT)]


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_two_processes_train_what_one_does(made: list[Results], name: str) -> None:
    (alone,) = (results["alone"][name] for results in made if name in results["alone"])
    together = made[0]["together"][name]
    assert together["feed"] == alone["feed"] and together["eval_feed"] == alone["eval_feed"]
    assert together["loss"] == pytest.approx(alone["loss"], rel=0, abs=1e-10)
    torch.testing.assert_close(together["logits"], alone["logits"], rtol=0, atol=1e-5)
    for part in ("model", "average"):
        # Parameters, running statistics and memories; 1e-10 is ten thousand times what rounding makes.
        torch.testing.assert_close(together[part], alone[part], rtol=0, atol=1e-10)
    moved = [
        key for key, before in alone["start"].items() if (alone["model"][key] - before).abs().max() > 1e-6
    ]
    assert any(key.startswith("head.") for key in moved), "nothing was trained"


def test_both_processes_have_the_same_model_to_the_bit(made: list[Results]) -> None:
    first, second = (results["together"] for results in made)
    for name, one in first.items():
        torch.testing.assert_close(one["model"], second[name]["model"], rtol=0, atol=0)
        assert len(one["logits"]) == 8 and len(second[name]["logits"]) == 3, (
            "the first has all, this one its own"
        )


def test_a_head_that_counts_its_own_images_alone_is_found_out(made: list[Results]) -> None:
    for results in made:
        assert results["noticed"].startswith("running_mean (1 in all) is not the same in all 2 processes")


def test_the_parts_of_a_batch_lie_one_behind_the_other() -> None:
    assert [part_sizes(count, 3) for count in (3, 4, 9, 11)] == [[1, 1, 1], [1, 1, 2], [3, 3, 3], [3, 4, 4]]
    whole = EpochBatches(IMAGES, 5, seed=1, drop_last=False)
    parts = [PartOfBatches(whole, rank, 2) for rank in range(2)]
    assert [len(part) for part in parts] == [len(whole)] * 2
    for number, (batch, *cut) in enumerate(zip(whole, *parts, strict=True)):
        assert cut[0] + cut[1] == batch and len(batch) == whole.size(number)


def environment(monkeypatch: pytest.MonkeyPatch, local: int, count: int) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a test")
    names = {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": local}
    for name, number in names.items():
        monkeypatch.setenv(name, str(number))


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, 2, 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    asked = MatrixSpec(data=("voc2007",), devices=2)
    with (
        pytest.raises(UserError, match="--devices 2 asks for as many GPUs, and PyTorch sees 1"),
        joined(asked),
    ):
        pass


def test_processes_of_torchrun_are_as_many_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, 2, 4)
    for options, said in (({"devices": 4}, "and 4 were started, 2 on this one"), ({}, "give --devices")):
        asked = MatrixSpec(data=("voc2007",), **options)
        with pytest.raises(UserError, match=said), joined(asked):
            pass


def test_a_part_that_does_not_fit_the_memory_ends_with_what_to_do() -> None:
    def full() -> None:
        raise torch.OutOfMemoryError

    machine = Machine(torch.device("cpu"), 0, False, Ranks(count=2))
    schedule = load_schedule("demo", {"batch_size": 64, "accumulate": 2})
    at_once = AtOnce(least=2, whole=why_whole(machine, schedule))
    with pytest.raises(
        RuntimeError, match=r"32 images at once take.*--devices.*--batch-size 32 --set accumulate=4$"
    ):
        at_once.attempt(32, full)
    assert at_once.limit is None


def test_smaller_batches_of_which_a_step_takes_another_gradient_are_not_advised() -> None:
    machine = Machine(torch.device("cpu"), 0, False, Ranks(count=2))
    summed = load_schedule("demo", {"batch_size": 64, "reduction": "sum"})
    assert why_whole(machine, summed).endswith("use more (--devices)")


def test_numbers_are_read_after_the_same_step_in_every_process() -> None:
    class There:
        """A copy that is done at once, as it may be in one process and not in another."""

        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            """Nothing is waited for."""

    losses = Arrivals[int](limit=2, steady=True)
    read = []
    for step in range(5):
        losses._sent.append((step, torch.tensor(float(step)), There()))
        read.append([about for about, _ in losses.arrived()])
    assert read == [[], [], [0], [1], [2]]
    assert [about for about, _ in losses.rest()] == [3, 4]
