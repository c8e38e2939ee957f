"""Heads on stored features: equal to the whole model, computed once, and scored from the images again."""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.datasets.feed import EvalImages
from bench.datasets.open import open_dataset
from bench.engine.building.features import _load, store_features
from bench.engine.training.in_training import Run
from bench.engine.training.resume import keep
from bench.errors import UserError
from bench.experiment.schedule import load_schedule
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.frozen import freeze, principal_components
from bench.methods.options import SALGLOptions
from bench.records.record import Environment, Epoch, Record
from bench.records.store import RecordStore
from bench.tensors import write_pickled
from bench_command import bench
from places import ROOT
from trees import write_voc

FROZEN = (
    *("--schedule", "frozen", "--backbone", "timm/test_byobnet", "--weights", "none", "--image-size", "64"),
    *("--data", "voc2007", "--epochs", "2", "--batch-size", "4", "--device", "cpu"),
)


def small(path: Path, channels: int) -> Path:
    """The schedule with everything that it may ask for of the heads and their features."""
    text = (ROOT / "bench" / "schedules" / "frozen.yaml").read_text()
    path.write_text(f"{text}feature_channels: {channels}\nhead_width: 24\nstart_at_prior: true\n")
    return path


@pytest.fixture
def ran(tmp_path: Path) -> tuple[Path, list[Record]]:
    write_voc(tmp_path / "data", train=10, test=6)
    schedule = ("--schedule", str(small(tmp_path / "small.yaml", 8)))
    done = bench(tmp_path, tmp_path / "data", "run", "--methods", "resnet,ml-gcn", *FROZEN, *schedule)
    assert done.exit_code == 0, done.output
    found = [record for record in RecordStore(tmp_path / "results").all() if isinstance(record, Record)]
    return tmp_path, [record for record in found if record.cost]


def test_features_are_computed_once_for_all_methods(ran: tuple[Path, list[Record]]) -> None:
    folder, records = ran
    stored = (folder / "work" / "features").glob("*/values.npy")
    # Training images are there as they are and mirrored.
    assert sorted(np.load(file).shape for file in stored) == [(1, 6, 2, 2, 8), (2, 10, 2, 2, 8)]
    assert len({record.backbone_digest for record in records}) == 1
    assert len({tuple(epoch.feed for epoch in record.history) for record in records}) == 1
    for record in records:
        assert record.cost is not None and record.cost.parameters == record.cost.head_parameters


@pytest.mark.parametrize("older", [False, True], ids=["", "checkpoint of an older version"])
def test_a_head_goes_on_from_a_checkpoint_without_the_backbone_that_nothing_trains(
    older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_voc(tmp_path / "data", train=10, test=6)
    arguments = ("run", "--methods", "salgl/scenes=2", *FROZEN)
    backbone: dict[str, torch.Tensor] = {}
    checkpoint = tmp_path / "training.pt"

    def keep_first(run: Run, history: list[Epoch], environment: Environment) -> None:
        keep(run, history, environment)
        if len(history) == 1:
            backbone.update(run.built.model.backbone.state_dict(prefix="backbone."))
            shutil.copy(run.folder / "training.pt", checkpoint)

    with monkeypatch.context() as watching:
        watching.setattr("bench.engine.training.fit.keep", keep_first)
        assert bench(tmp_path / "whole", tmp_path / "data", *arguments).exit_code == 0
    stored = torch.load(checkpoint, weights_only=True)
    assert backbone and not any("backbone" in name for name in stored["tensors"]["model"])
    assert not any("backbone" in name for name in stored["tensors"]["average"])
    if older:
        stored["tensors"]["model"] |= backbone
        stored["tensors"]["average"] |= {f"module.{name}": one for name, one in backbone.items()}
        write_pickled(checkpoint, stored)
    (whole,) = (tmp_path / "whole" / "work" / "runs").glob("*salgl*")
    killed = tmp_path / "killed" / "work" / "runs" / whole.name
    killed.mkdir(parents=True)
    checkpoint.rename(killed / checkpoint.name)
    resumed = bench(tmp_path / "killed", tmp_path / "data", *arguments)
    assert resumed.exit_code == 0 and "going on after epoch 1 of 2\n" in resumed.stdout, resumed.output
    expected, found = (load_file(run / "model.safetensors") for run in (whole, killed))
    assert expected.keys() == found.keys() and backbone.keys() < found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in found)


def test_the_model_scores_images_as_it_scored_their_features(ran: tuple[Path, list[Record]]) -> None:
    folder, records = ran
    for record in records:
        model = folder / "work" / "runs" / record.run_id / "model.safetensors"
        done = bench(
            folder, folder / "data", "evaluate", "--checkpoint", str(model), "--data", "voc2007",
            "--device", "cpu", "--scores", f"{record.cell.method.name}.npz",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        again = np.load(folder / f"{record.cell.method.name}.npz")["logits"]
        # The stored features are in half precision.
        np.testing.assert_allclose(
            again, RecordStore(folder / "results").scores(record).logits, rtol=0.02, atol=0.02
        )


def test_what_is_stored_is_what_the_frozen_backbone_makes_of_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=6, test=4)
    dataset = open_dataset("voc2007", tmp_path / "data")
    schedule = load_schedule(str(small(tmp_path / "small.yaml", 5)), {"image_size": 64})
    torch.manual_seed(0)
    backbone = build_backbone("timm/test_byobnet")
    seen: list[tuple[int, int]] = []
    device = torch.device("cpu")

    def stored() -> np.ndarray:
        found = store_features(
            backbone, dataset, schedule, tmp_path, device, lambda done, total: seen.append((done, total))
        )
        images = torch.stack(
            [sample.image for sample in map(EvalImages(dataset.eval, 64).__getitem__, range(4))]
        )
        train = torch.stack(
            [sample.image for sample in map(EvalImages(dataset.train, 64).__getitem__, range(6))]
        )
        with torch.no_grad():
            expected = found.backbone.train()(found.backbone.normalize(images)).numpy()
            mirrored = found.backbone(found.backbone.normalize(train.flip(-1))).numpy()
        (evaluated,) = found.eval.values.numpy()
        np.testing.assert_allclose(evaluated.transpose(0, 3, 1, 2), expected, rtol=2e-3, atol=2e-3)
        views = found.train.values.numpy()
        np.testing.assert_allclose(views[1].transpose(0, 3, 1, 2), mirrored, rtol=2e-3, atol=2e-3)
        return views

    first = stored()
    assert (6, 6) in seen and seen[-1] == (4, 4)
    seen.clear()
    np.testing.assert_array_equal(stored(), first)
    assert not seen, "computed once"
    for damage in (b"", b"no array"):
        for file in tmp_path.glob("*/values.npy"):
            file.write_bytes(damage)
        _load.cache_clear()
        np.testing.assert_array_equal(stored(), first)
        assert seen, "what is damaged is computed again"
        seen.clear()


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("device.environment.version", lambda package: f"{version(package)}.other"),
        ("device.environment._processor", lambda: "another processor"),
        ("building.features.digest_of", lambda module: "0" * 12),
    ],
    ids=["packages", "processor", "code"],
)
def test_what_was_made_otherwise_is_not_used(
    what: str, other: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_voc(tmp_path / "data", train=3, test=2)
    dataset = open_dataset("voc2007", tmp_path / "data")
    schedule = load_schedule(str(small(tmp_path / "small.yaml", 5)), {"image_size": 64})
    backbone = build_backbone("timm/test_byobnet")
    computed: list[int] = []

    def store() -> None:
        computed.clear()
        store_features(
            backbone, dataset, schedule, tmp_path, torch.device("cpu"), lambda done, _: computed.append(done)
        )

    store()
    with monkeypatch.context() as threads:  # which cells side by side have fewer of
        threads.setattr("torch.get_num_threads", lambda: 7)
        store()
    assert not computed
    components = set(tmp_path.glob("*.safetensors"))
    monkeypatch.setattr(f"bench.engine.{what}", other)
    store()
    assert computed and len(components) == 1 < len(set(tmp_path.glob("*.safetensors")))


def test_a_run_that_is_trained_again_has_features_of_its_own(ran: tuple[Path, list[Record]]) -> None:
    folder, records = ran
    features, results = folder / "work" / "features", folder / "results"
    for file in features.glob("*/values.npy"):  # as an older version may have left them
        np.save(file, np.load(file) * np.float16(1.5))
    shutil.rmtree(results)
    _load.cache_clear()
    schedule = ("--schedule", str(folder / "small.yaml"))
    done = bench(folder, folder / "data", "run", "--methods", "resnet", *FROZEN, *schedule)
    assert done.exit_code == 0, done.output
    before = {file: file.stat().st_mtime_ns for file in features.rglob("*")}
    run = next(record.run_id for record in records if record.cell.method.name == "resnet")
    done = bench(folder, folder / "data", "verify", run, "--train", "--device", "cpu")
    assert done.exit_code == 0 and "trained again: scores up to" in done.stdout, done.output
    assert {file: file.stat().st_mtime_ns for file in features.rglob("*")} == before


def test_features_of_pixels_that_are_not_normalised_are_others(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=3, test=2)
    dataset = open_dataset("voc2007", tmp_path / "data")
    schedule = load_schedule("frozen", {"image_size": 64})
    torch.manual_seed(0)
    backbone = build_backbone("timm/test_byobnet")

    def stored() -> np.ndarray:
        found = store_features(
            backbone, dataset, schedule, tmp_path, torch.device("cpu"), lambda done, total: None
        )
        return found.eval.values.numpy()

    before = stored()
    backbone.take_unit_pixels()
    assert torch.equal(
        backbone.normalize(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)), torch.ones(1, 3, 2, 2)
    )
    assert not np.allclose(stored(), before)


def test_principal_components_keep_most_of_the_variance() -> None:
    torch.manual_seed(0)
    latent = torch.randn(50, 2, 3, 3)
    features = (
        torch.einsum("bkhw,kd->bdhw", latent, torch.randn(2, 7)) + torch.arange(7.0)[None, :, None, None]
    )
    found = principal_components(features, 2)
    centred = features - found["mean"][:, None, None]
    reduced = torch.einsum("bdhw,cd->bchw", centred, found["components"])
    back = torch.einsum("bchw,dc->bdhw", reduced, torch.linalg.pinv(found["components"]))
    torch.testing.assert_close(back, centred, rtol=1e-3, atol=1e-3)
    scores = reduced.permute(1, 0, 2, 3).flatten(1)
    torch.testing.assert_close(torch.cov(scores), torch.eye(2), rtol=1e-3, atol=1e-3)
    with pytest.raises(UserError, match="keeps 8 feature channels, but the backbone has 7"):
        principal_components(features, 8)


@pytest.mark.parametrize("rank", [0, 2])
def test_what_does_not_vary_in_training_is_not_blown_up(rank: int) -> None:
    torch.manual_seed(0)
    features = torch.randn(50, rank) @ torch.randn(rank, 7)
    found = principal_components(features[..., None, None], 4)
    other = torch.randn(100, 7) - found["mean"]
    assert (other @ found["components"].T).abs().max() < 20


def test_a_frozen_backbone_stays_as_it_is() -> None:
    backbone = freeze(build_backbone("timm/test_byobnet"), {})
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    out = backbone.train()(torch.randn(4, 3, 64, 64))
    assert not out.requires_grad and not any(p.requires_grad for p in backbone.parameters())
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop": "multi-scale"}, "takes no crop, cutout or rand_augment"),
        (
            {"trained_backbone": "all", "feature_channels": 8},
            "feature_channels needs trained_backbone 'none'",
        ),
    ],
)
def test_what_does_not_go_together_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_schedule("frozen", changes)


def test_training_starts_at_the_prior_and_the_model_file_keeps_it(ran: tuple[Path, list[Record]]) -> None:
    folder, records = ran
    store = RecordStore(folder / "results")
    cell = records[0].cell
    assert cell.schedule.start_at_prior
    tensors = load_file(folder / "work" / "runs" / records[0].run_id / "model.safetensors")
    prior = next(r for r in store.all() if isinstance(r, Record) and r.cell.method.name == "prior")
    np.testing.assert_allclose(tensors["offset"], store.scores(prior).logits[0])


def test_the_heads_are_as_wide_as_the_schedule_says(ran: tuple[Path, list[Record]]) -> None:
    folder, records = ran
    assert records[0].cell.schedule.head_width == 24
    record = next(record for record in records if record.cell.method.name == "ml-gcn")
    tensors = load_file(folder / "work" / "runs" / record.run_id / "model.safetensors")
    widths = {
        tensor.shape[1] for name, tensor in tensors.items() if name.startswith("head.") and tensor.ndim == 2
    }
    assert 24 in widths and 1024 not in widths
    assert SALGLOptions(hidden=512).narrowed(64) == SALGLOptions(hidden=32, feedforward=128)
