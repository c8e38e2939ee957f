"""When a model is evaluated, on how many images at once, and that nothing is scored twice."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.datasets.feed import EvalImages, loader
from bench.datasets.index import SplitIndex
from bench.engine.building.build import evaluation_batch
from bench.engine.device.environment import fabric_on, precision_plugin
from bench.engine.running import run
from bench.engine.scoring.predict import predict
from bench.engine.training import fit
from bench.experiment.schedule import Schedule
from bench.profile.photographs import make_photographs
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from made_records import SCHEDULE
from small_models import SIDE, small_model, tiny_backbone
from trees import write_voc

CPU = torch.device("cpu")


def made(**fields: Any) -> Schedule:
    return Schedule(**{**SCHEDULE.model_dump(), **fields})


def test_a_gpu_scores_more_images_at_once_than_it_trains_on() -> None:
    schedule = made(batch_size=16)
    assert evaluation_batch(schedule, CPU) == 16, "so that scores keep their bits"
    assert evaluation_batch(schedule, torch.device("cuda")) == 64


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    return make_photographs(tmp_path_factory.mktemp("photographs"), 9)


@pytest.mark.parametrize("head", ["resnet", "salgl", "tdrg"])
def test_scores_are_equal_to_rounding_whatever_the_batch(head: str, photographs: SplitIndex) -> None:
    fabric = fabric_on(CPU, precision_plugin("fp32", CPU))
    model = small_model(head, tiny_backbone()).model
    found = [
        predict(
            fabric,
            model,
            loader(EvalImages(photographs, SIDE), 0, CPU, batch_size=size),
            lambda done, total: None,
        )
        for size in (9, 4, 1)
    ]
    for other in found[1:]:
        assert other.feed == found[0].feed and len(other.logits) == 9
        torch.testing.assert_close(torch.from_numpy(other.logits), torch.from_numpy(found[0].logits))


def test_a_batch_that_the_memory_does_not_hold_is_scored_in_parts(photographs: SplitIndex) -> None:
    fabric = fabric_on(CPU, precision_plugin("fp32", CPU))
    model = small_model("resnet", tiny_backbone()).model
    feed = loader(EvalImages(photographs, SIDE), 0, CPU, batch_size=9)
    expected = predict(fabric, model, feed, lambda done, total: None).logits
    tried = []

    def limited(_: Any, args: tuple[Any, ...]) -> None:
        tried.append(len(args[0]))
        if len(args[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.register_forward_pre_hook(limited)
    found = predict(fabric, model, feed, lambda done, total: None).logits
    torch.testing.assert_close(torch.from_numpy(found), torch.from_numpy(expected))
    assert tried == [9, 4, 3, 1, 2, 2, 2, 2]


@pytest.mark.slow
def test_a_run_is_evaluated_at_its_marks_and_the_last_epoch_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_voc(tmp_path / "data", train=8, test=5)
    scored: list[int] = []

    def counted(*args: Any, **named: Any) -> Any:
        found = predict(*args, **named)
        scored.append(len(found.logits))
        return found

    monkeypatch.setattr(fit, "predict", counted)
    monkeypatch.setattr(run, "predict", counted)
    marks = ("--set", "evaluate_every=0", "--set", "evaluate_at=[0.5]", "--set", "ema_beside=null")
    asked = ("run", "--methods", "resnet", "--epochs", "3", "--seeds", "0", *TINY, *marks)
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0, done.output
    assert len(scored) == 2, "after the second epoch and the last, which is reported too"
    (record,) = (one for one in RecordStore(tmp_path / "results").all() if one.run_id.count("resnet"))
    assert isinstance(record, Record) and record.cost and record.cost.eval_images_per_second > 0
    assert [epoch.metrics is not None for epoch in record.history] == [False, True, True]
    assert record.metrics == record.history[-1].metrics
    chosen = bench(tmp_path, tmp_path / "data", *asked, "--set", "select=best", "--set", "select_on=test")
    assert chosen.exit_code == 0, chosen.output
    records = [one for one in RecordStore(tmp_path / "results").all() if isinstance(one, Record)]
    (best,) = (one for one in records if one.cell.schedule.select == "best" and one.history)
    assert best.metrics and best.metrics.mAP == max(e.metrics.mAP for e in best.history if e.metrics)
