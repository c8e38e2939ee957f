"""A method that reads two maps, end to end: trained, on stored features, from its file, or refused."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.datasets.feed import EvalImages
from bench.datasets.open import open_dataset
from bench.engine.building.features import store_features
from bench.engine.models.model_file import load_model
from bench.experiment.schedule import load_schedule
from bench.methods import catalog
from bench.methods.backbones.build import build_backbone
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_head
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from small_heads import CLASSES, label_space, loss_of
from trees import write_voc

METHODS = "tdrg/hidden=8/feedforward=16"
ONE_MAP = "'timm/test_vit' has no map of twice the resolution before its last one, which tdrg reads too; "
FROZEN = (
    *("--schedule", "frozen", "--backbone", "timm/test_byobnet", "--weights", "none", "--image-size", "64"),
    *("--data", "voc2007", "--epochs", "2", "--batch-size", "4", "--device", "cpu"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=10, test=6)
    return tmp_path / "data"


def records_in(folder: Path) -> dict[str, Record]:
    found = [record for record in RecordStore(folder / "results").all() if isinstance(record, Record)]
    return {record.cell.method.name: record for record in found if record.history}


def scored_again(folder: Path, data: Path, record: Record) -> NDArray[np.float32]:
    """The logits that the stored model gives for the images."""
    model = folder / "work" / "runs" / record.run_id / "model.safetensors"
    asked = ("--checkpoint", str(model), "--data", "voc2007", "--device", "cpu", "--scores", "again.npz")
    done = bench(folder, data, "evaluate", *asked)
    assert done.exit_code == 0, done.output
    with np.load(folder / "again.npz") as stored:
        return np.array(stored["logits"])


@pytest.mark.slow
def test_a_run_and_its_stored_model(tmp_path: Path, data: Path) -> None:
    done = bench(tmp_path, data, "run", "--methods", f"{METHODS},resnet", "--epochs", "2", *TINY)
    assert done.exit_code == 0, done.output
    records = records_in(tmp_path)
    record = records["tdrg"]
    assert record.status == "finished" and record.cost is not None and record.cost.flops > 1e6
    assert record.backbone_digest == records["resnet"].backbone_digest
    assert [e.feed for e in record.history] == [e.feed for e in records["resnet"].history]
    stored = RecordStore(tmp_path / "results").scores(record).logits
    np.testing.assert_allclose(scored_again(tmp_path, data, record), stored, rtol=1e-3, atol=1e-4)
    trained = load_model(tmp_path / "work" / "runs" / record.run_id / "model.safetensors")
    images = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    output = trained.model(images)
    assert output.logits.shape == (2, 20) and output.views["graph"].shape == (2, 20, 20)


@pytest.mark.slow
@pytest.mark.parametrize("more", [("--precision", "bf16"), ("--schedule", "tdrg")])
def test_a_run_in_other_ways(more: tuple[str, ...], tmp_path: Path, data: Path) -> None:
    methods = f"{METHODS}/attention=batch" if "tdrg" in more else METHODS
    done = bench(tmp_path, data, "run", "--methods", methods, "--epochs", "1", *TINY, *more)
    assert done.exit_code == 0, done.output
    assert records_in(tmp_path)["tdrg"].status == "finished"


@pytest.mark.slow
def test_a_run_on_stored_features(tmp_path: Path, data: Path) -> None:
    alone = tmp_path / "alone"
    assert bench(alone, data, "run", "--methods", "resnet", *FROZEN).exit_code == 0
    done = bench(tmp_path, data, "run", "--methods", f"resnet,{METHODS}", *FROZEN)
    assert done.exit_code == 0, done.output
    files = {path.parent.name: path for path in (tmp_path / "work" / "features").glob("*/values.npy")}
    shapes = sorted(np.load(path).shape for path in files.values())
    last, earlier = [(1, 6, 2, 2, 256), (2, 10, 2, 2, 256)], [(1, 6, 4, 4, 128), (2, 10, 4, 4, 128)]
    assert shapes == sorted([*last, *earlier])
    before = list((alone / "work" / "features").glob("*/*.npy"))
    assert len(before) == 4
    for path in before:  # what is stored of the last map is not touched
        same = tmp_path / "work" / "features" / path.parent.name / path.name
        assert same.read_bytes() == path.read_bytes()
    records = records_in(tmp_path)
    assert records["resnet"].scores_sha256 == records_in(alone)["resnet"].scores_sha256
    assert [e.feed for e in records["tdrg"].history] == [e.feed for e in records["resnet"].history]
    record = records["tdrg"]
    stored = RecordStore(tmp_path / "results").scores(record).logits
    np.testing.assert_allclose(scored_again(tmp_path, data, record), stored, rtol=0.05, atol=0.05)


def test_what_is_stored_of_the_earlier_map_is_what_the_backbone_makes(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    dataset = open_dataset("voc2007", data)
    schedule = load_schedule("frozen", {"image_size": 64, "precision": "fp32"})
    torch.manual_seed(0)
    backbone, device = build_backbone("timm/test_byobnet"), torch.device("cpu")
    seen: list[int] = []
    for _ in range(2):  # computed, then found
        found = store_features(
            backbone, dataset, schedule, tmp_path, device, lambda done, _: seen.append(done), earlier=True
        )
    assert sum(seen) == 2 * (10 + 6), "once for each map and split"
    images = torch.stack([EvalImages(dataset.train, 64)[position].image for position in range(10)])
    normalized = found.backbone.normalize(images)
    assert found.train.earlier is not None
    for view, pixels in enumerate((normalized, normalized.flip(-1))):
        with torch.no_grad():
            expected = found.backbone.maps(pixels)
        for stored, made in zip((found.train.earlier, found.train.values), expected, strict=True):
            torch.testing.assert_close(stored[view].permute(0, 3, 1, 2).float(), made, rtol=2e-3, atol=2e-3)
    without = store_features(backbone, dataset, schedule, tmp_path, device, lambda *_: None)
    assert without.train.earlier is None and torch.equal(without.train.values, found.train.values)


def test_the_whole_model_compiles_and_a_copy_trains_for_itself() -> None:
    method = catalog.METHODS["tdrg"]
    backbone = build_backbone("timm/test_byobnet")
    options = method.options(hidden=8, feedforward=16)
    head = seeded_head(method, options, label_space(), backbone.feature_dim, 0, earlier_dim(method, backbone))
    plain = MultiLabelModel(backbone, head)
    copied = copy.deepcopy(plain)
    traced = torch.compile(copied, backend="aot_eager", fullgraph=True)
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    targets = torch.ones(4, CLASSES)
    for _ in range(2):
        outputs = [model(images, targets) for model in (plain, traced)]
        torch.testing.assert_close(*(output.logits for output in outputs))
        for output in outputs:
            loss_of(output, targets).backward()
    for (name, one), other in zip(plain.named_parameters(), copied.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=name, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--backbone", "timm/test_vit"),
            ONE_MAP,
        ),
        (
            ("--schedule", "frozen", "--backbone", "timm/test_vit"),
            ONE_MAP,
        ),
        (("--schedule", "reduced.yaml"), "tdrg reads two feature maps, of which feature_channels would"),
        (("--methods", "tdrg/attention=image"), "'positions' or 'batch'"),
        (("--methods", "tdrg/hidden=6"), "4 attention heads do not divide 6: choose a multiple of 4"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_trained(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, data: Path
) -> None:
    schedule = load_schedule("frozen", {"feature_channels": 8}).model_dump_json()
    (tmp_path / "reduced.yaml").write_text(schedule)
    asked = ("--methods", f"resnet,{METHODS}", "--epochs", "1", *TINY)
    if "--methods" not in arguments and "reduced.yaml" in arguments:
        asked = ("--methods", METHODS, "--epochs", "1", *TINY)
    done = bench(tmp_path, data, "run", *asked, *arguments)
    assert done.exit_code == 2, done.output
    assert sentence.strip() in " ".join(done.output.split())
    assert not list((tmp_path / "work").glob("runs/*")) and not list((tmp_path / "results").glob("*.json"))
    assert not list((tmp_path / "work").glob("features/*/values.npy"))
