"""The papers' recipes run by name: what they train, what they average, how they end."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.datasets.feed import EpochBatches
from bench.datasets.index import count_batches, smallest_batch
from bench.engine.models.model_file import read_card
from bench.engine.training.average import MovingAverage
from bench.engine.training.optimisation import build_optimizer, ends_early, plateaus
from bench.experiment.matrix import MatrixSpec
from bench.experiment.schedule import load_schedule
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.freezing import freeze_but_last_stage
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from small_heads import build
from trees import write_voc

RECIPES = {
    "ml-gcn": "ml-gcn/hidden=8",
    "ssgrl": "ssgrl/hidden=8",
    "add-gcn": "add-gcn/hidden=8",
    "salgl": "salgl/hidden=8/feedforward=16",
    "resnet101": "resnet",
    "query2label": "query2label/feedforward=16",
    "c-tran": "c-tran/feedforward=16",
    "csra": "csra",
    "ml-decoder": "ml-decoder/width=16/feedforward=16",
    "tdrg": "tdrg/hidden=8/feedforward=16",
}


def record_in(folder: Path) -> Record:
    records = [record for record in RecordStore(folder / "results").all() if isinstance(record, Record)]
    (trained,) = (record for record in records if record.cell.method.name != "prior")
    return trained


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_where_each_line_comes_from(name: str) -> None:
    lines = (resources.files("bench") / "schedules" / f"{name}.yaml").read_text().splitlines()
    fields = [line for line in lines if line and not line.startswith((" ", "#", "about", "loss:"))]
    assert len(fields) > 18
    assert [line for line in fields if "# [" not in line] == []
    assert load_schedule(name, {}).select == "best"


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_two_steps_of_a_recipe(name: str, tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    arguments = ("--schedule", name, "--methods", RECIPES[name], "--epochs", "1", *TINY)
    done = bench(tmp_path, tmp_path / "data", "run", *arguments)
    assert done.exit_code == 0, done.output
    record = record_in(tmp_path)
    assert record.status == "finished" and record.metrics is not None
    assert [epoch.images for epoch in record.history] == [8]
    path = tmp_path / "work" / "runs" / record.run_id / "model.safetensors"
    schedule, card = record.cell.schedule, read_card(path)
    assert (card.test_size, card.test_resize) == (schedule.test_size, schedule.test_resize)
    assert ((card.mean, card.std) == ((0, 0, 0), (1, 1, 1))) == (schedule.normalize == "none")
    before, after = initial_backbone(), load_file(path)
    moved = {key for key, start in before.items() if not torch.equal(after[f"backbone.{key}"], start)}
    statistics = {key for key in moved if "running_" in key or key.endswith("num_batches_tracked")}
    late = last_stage()
    assert moved & late - statistics, "the last stage is always trained"
    assert bool(moved - late - statistics) == (schedule.trained_backbone in ("all", "after-first-stage"))
    assert bool(statistics - late) == (not schedule.frozen_statistics and not schedule.frozen_norms)


def initial_backbone() -> dict[str, Tensor]:
    """The backbone that a run at seed 0 starts from."""
    torch.manual_seed(0)
    return build_backbone("timm/test_byobnet").state_dict()


def last_stage() -> set[str]:
    """The tensors of its last stage."""
    backbone = build_backbone("timm/test_byobnet")
    freeze_but_last_stage(backbone, statistics=False)
    stage = {name.rpartition(".")[0] for name, tensor in backbone.named_parameters() if tensor.requires_grad}
    return {name for name in backbone.state_dict() if name.rpartition(".")[0] in stage}


def test_a_stored_model_is_evaluated_on_the_part_of_the_image_that_it_was_measured_on(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=4, test=8)
    arguments = ("--schedule", "ssgrl", "--methods", "resnet", "--epochs", "1", *TINY)
    assert bench(tmp_path, tmp_path / "data", "run", *arguments).exit_code == 0
    record = record_in(tmp_path)
    path = tmp_path / "work" / "runs" / record.run_id / "model.safetensors"
    scores = tmp_path / "scores.npz"
    asked = ("--checkpoint", str(path), "--data", "voc2007", "--device", "cpu", "--scores", str(scores))
    done = bench(tmp_path, tmp_path / "data", "evaluate", *asked)
    assert "at 64 pixels, the centre of 71" in done.output, done.output
    stored = RecordStore(tmp_path / "results").scores(record)
    with np.load(scores) as found:
        np.testing.assert_allclose(found["logits"], stored.logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({}, (448, 512)),
        ({"image_size": 64}, (64, 512)),
        ({"eval_image_size": 576}, (448, 576)),
        ({"image_size": 64, "eval_image_size": 96}, (64, 96)),
    ],
)
def test_image_sizes_in_training_and_in_test_are_given_one_by_one(
    given: dict[str, int], sizes: tuple[int, int]
) -> None:
    (overrides,) = MatrixSpec(data=("voc2007",), **given).schedule_overrides()
    schedule = load_schedule("add-gcn", overrides)
    assert (schedule.image_size, schedule.test_size) == sizes


def test_the_memory_of_label_pairs_is_averaged_with_the_weights_from_before_the_first_step() -> None:
    head: Any = build("salgl")
    model: Any = nn.ModuleDict({"head": head})
    average = MovingAverage(model, 0.75)
    expected = head.cooccurrence.clone()
    for step in range(4):
        with torch.no_grad():
            head.cooccurrence += 1 + step
            head.scene.weight += 1
        average.follow()
        expected = 0.75 * expected + 0.25 * head.cooccurrence
    averaged: Any = average.module
    torch.testing.assert_close(averaged["head"].cooccurrence, expected)
    assert not torch.equal(averaged["head"].scene.weight, head.scene.weight)


def test_the_average_follows_a_buffer_that_a_head_replaces() -> None:
    head: Any = build("salgl")
    average: Any = MovingAverage(nn.ModuleDict({"head": head}), 0.75)  # type: ignore[arg-type]
    head.cooccurrence = head.cooccurrence + 4
    average.follow()
    assert torch.equal(average.module["head"].cooccurrence, torch.ones_like(head.cooccurrence))


def test_the_average_of_what_is_trained_alone_is_that_of_the_whole() -> None:
    model: Any = nn.Module()
    model.head, model.backbone = build("ssgrl"), nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    averages: Any = [MovingAverage(model, 0.9, with_backbone=whole) for whole in (True, False)]
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter += torch.randn_like(parameter)
    for average in averages:
        average.follow()
    whole, of_head = (average.module.state_dict() for average in averages)
    assert all(torch.equal(whole[name], of_head[name]) for name in whole)
    assert not torch.equal(whole["head.output.weight"], model.head.output.weight)


@pytest.mark.parametrize("decay", [0.9, 0.997, 0.9995, 0.9999])
def test_integers_that_do_not_change_stay_as_they_are_in_the_average(decay: float) -> None:
    model: Any = nn.Module()
    model.head, model.backbone = nn.Linear(2, 2), nn.BatchNorm2d(4)
    model.backbone.register_buffer("positions", torch.arange(169))
    average: Any = MovingAverage(model, decay)
    for _ in range(3):
        model.backbone.num_batches_tracked += 10
        average.follow()
    assert torch.equal(average.module.backbone.positions, torch.arange(169))
    counted = 0
    for steps in (10, 20, 30):
        counted = int(torch.tensor(counted) * decay + torch.tensor(steps) * (1 - decay))
    assert average.module.backbone.num_batches_tracked == counted, "others are averaged and rounded down"


def test_the_queries_of_ml_decoder_are_stored_and_averaged_but_not_trained() -> None:
    head: Any = build("ml-decoder")
    model: Any = nn.ModuleDict({"head": head, "backbone": nn.Linear(2, 2)})
    trained = nn.Module()
    trained.head, trained.backbone = head, model["backbone"]
    optimizer = build_optimizer(trained, load_schedule("ml-decoder", {}))  # type: ignore[arg-type]
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    left = [name for name, parameter in head.named_parameters() if id(parameter) not in held]
    assert left == ["queries"]
    decays = {p.ndim < 2: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {True: 0, False: 1e-4}, "no weight decay on biases and normalisations"
    average: Any = MovingAverage(model, 0.75)
    average.follow()
    assert torch.equal(average.module["head"].queries, head.queries)


@pytest.mark.slow
def test_a_plateau_lowers_the_rate_and_the_training_ends_early(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    fields: dict[str, Any] = load_schedule("resnet101", {}).model_dump(mode="json")
    small: dict[str, Any] = {
        "resize": None,
        "crop": "none",
        "crop_sizes": [],
        "patience": 0,
        "stop_after": 2,
        "lr": 1e-9,
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**fields, **small}))
    arguments = ("run", "--schedule", str(tmp_path / "mine.yaml"), "--methods", "resnet", *TINY)
    done = bench(tmp_path, tmp_path / "data", *arguments, "--epochs", "12")
    assert done.exit_code == 0, done.output
    record = record_in(tmp_path)
    schedule, history = record.cell.schedule, record.history
    scores = [epoch.metrics.mAP for epoch in history if epoch.metrics]
    assert len(history) == len(scores) < 12
    assert ends_early(schedule, scores) and not ends_early(schedule, scores[:-1])
    rates = [epoch.lr for epoch in history]
    assert rates == pytest.approx(
        [1e-9 * 0.1 ** plateaus(scores[:epoch], 0) for epoch in range(len(history))]
    )
    assert rates[-1] < rates[0]
    assert record.selected_epoch == scores.index(max(scores))


@pytest.mark.slow
def test_a_plateau_may_be_one_of_the_loss_on_what_is_evaluated(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    small = ("--image-size", "64", "--set", "resize=null", "--set", "crop=none", "--set", "crop_sizes=[]")
    steered = ("--set", "patience=0", "--set", "lr=0.05", "--epochs", "6", "--set", "reduction=mean")
    arguments = ("run", "--methods", "resnet", *TINY, "--schedule", "c-tran", *small, *steered)
    done = bench(tmp_path, tmp_path / "data", *arguments)
    assert done.exit_code == 0, done.output
    record = record_in(tmp_path)
    scores = RecordStore(tmp_path / "results").scores(record)
    losses = [epoch.watched_loss for epoch in record.history]
    assert len(losses) == 6 and None not in losses and len(set(losses)) > 3
    expected = [0.05 * 0.1 ** plateaus([-loss for loss in losses[:epoch] if loss], 0) for epoch in range(6)]
    assert [epoch.lr for epoch in record.history] == pytest.approx(expected)
    assert expected[-1] < expected[0]
    # That of the epoch whose scores are kept, by its definition.
    assert scores is not None
    probability = 1 / (1 + np.exp(-scores.logits.astype(float)))
    true = scores.labels > 0
    log_likelihood = np.where(true, np.log(probability), np.log1p(-probability))
    assert losses[record.selected_epoch or 0] == pytest.approx(-log_likelihood.mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("count", "size", "drop", "batches", "images"),
    [
        (11, 4, True, 2, 8),
        (11, 4, False, 3, 11),
        (9, 4, False, 2, 8),
        (8, 4, False, 2, 8),
        (3, 4, True, 1, 3),
        (3, 4, False, 1, 3),
        (5, 4, False, 1, 4),
    ],
)
def test_the_last_batch_is_kept_where_asked_unless_it_is_one_image(
    count: int, size: int, drop: bool, batches: int, images: int
) -> None:
    assert count_batches(count, size, drop) == batches
    sampler = EpochBatches(count, size, 0, drop)
    fed = list(sampler)
    assert (len(fed), len(sampler), sampler.images) == (batches, batches, images)
    positions = [position for batch in fed for _, position in batch]
    assert len(positions) == len(set(positions)) == images
    assert all(1 < len(batch) <= size for batch in fed)
    assert smallest_batch(count, size, drop) == min(map(len, fed))
