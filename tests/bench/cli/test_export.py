"""`bench export`: from the run of a matrix to a file that anyone can use who has the JSON beside it."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from bench.engine.models.model_file import load_model, read_card
from bench.errors import UserError
from bench.methods.head import Head, HeadOutput
from bench.methods.model import MultiLabelModel
from bench.metrics.operating_point import NEVER
from bench.publish.graph import Scoring, traced
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import README
from bench.trained.operating_point import OperatingPoint, save_operating_point
from bench_command import TINY, bench
from small_models import small_model, tiny_backbone
from trees import write_picture, write_voc

TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which SALGL, which keeps a memory, was trained for one epoch."""
    folder = tmp_path_factory.mktemp("trained")
    write_voc(folder / "data", train=8, test=6)
    sizes = ("--eval-image-size", "64", "--set", "eval_crop=0.9", "--set", "precision=bf16")
    done = bench(folder, folder / "data", "run", "--methods", "salgl", "--epochs", "1", *TINY, *sizes)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    (found,) = (folder / "work" / "runs").glob("*/model.safetensors")
    return found


@pytest.fixture(scope="module")
def pictures(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "VOCdevkit" / "VOC2007" / "JPEGImages").iterdir())[:3]


@pytest.fixture
def thresholds(model: Path) -> Path:
    """Thresholds that were fitted after training."""
    classes = read_card(model).classes
    point = OperatingPoint(
        classes=classes,
        temperature=TEMPERATURE,
        per_class=(NEVER, *np.linspace(0.2, 0.8, len(classes) - 1).tolist()),
        overall=0.4,
        target="CF1",
        source="a test",
        images=9,
    )
    return save_operating_point(model, point)


def prepared(path: Path, steps: dict[str, list[int]]) -> np.ndarray:
    """A picture as the JSON says, by Pillow alone."""
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    (high, wide), (height, width) = steps["resize"], steps["centre_crop"]
    resized = np.asarray(upright.resize((wide, high), Image.Resampling.BILINEAR))
    top, left = (high - height) // 2, (wide - width) // 2
    return resized[top : top + height, left : left + width].transpose(2, 0, 1)


def test_a_finished_run_has_a_model_card(folder: Path, model: Path) -> None:
    (record,) = (r for r in RecordStore(folder / "results").all() if isinstance(r, Record) and r.history)
    text = model.with_name(README).read_text()
    assert "# SALGL on voc2007, seed 0" in text and record.run_id in text
    assert record.metrics is not None and f"| mAP | {100 * record.metrics.mAP:.2f} |" in text


def test_onnx_gives_the_models_scores_to_whoever_follows_the_json(
    folder: Path, model: Path, pictures: list[Path], thresholds: Path
) -> None:
    done = bench(folder, None, "export", "voc2007-salgl", "--format", "onnx")
    assert done.exit_code == 0, done.output
    described = json.loads((model.parent / "model.onnx.json").read_text())
    steps, check = described["preprocessing"], described["check"]
    assert steps["resize"] == [71, 71] and steps["centre_crop"] == [64, 64]
    session = onnxruntime.InferenceSession(str(model.parent / "model.onnx"))
    fed = np.stack([prepared(path, steps) for path in pictures])
    logits, probabilities = session.run(None, {described["input"]: fed})
    trained = load_model(model)
    expected = trained.model(torch.from_numpy(fed)).logits.detach().numpy()
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-expected / TEMPERATURE)), atol=1e-5)
    assert tuple(described["classes"]) == trained.card.classes and described["temperature"] == TEMPERATURE
    inside = session.get_modelmeta().custom_metadata_map
    assert json.loads(inside["classes"]) == described["classes"]
    assert json.loads(inside["thresholds"]) == described["thresholds"] == json.loads(thresholds.read_text())
    assert json.loads(inside["preprocessing"]) == steps
    # Of the check: of what, and how far apart; bfloat16 is further away than rounding.
    assert check["batches"] == [1, 2, 5] and 0 <= check["logits"] < check["tolerance_of_logits"]
    assert check["logits_in_training_precision"] > 10 * check["logits"]
    assert "checked: 8 pictures" in done.output and "in bf16, as it was trained" in done.output
    card = model.with_name(README).read_text()
    assert "`model.onnx`" in card and "`model.thresholds.json`" in card


def test_torch_export_is_checked_on_given_pictures(
    folder: Path, model: Path, pictures: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "there" / "salgl.pt2"
    asked = ("export", str(model), "--format", "torch", "--out", str(out), "--pictures")
    done = bench(folder, None, *asked, str(pictures[0].parent), "--pictures", str(pictures[0]))
    assert done.exit_code == 0, done.output
    inside = {"bench.json": ""}
    program = torch.export.load(out, extra_files=inside).module()
    described = json.loads((tmp_path / "there" / "salgl.pt2.json").read_text())
    check = described.pop("check")
    assert json.loads(inside["bench.json"]) == described
    assert check["pictures"] == "given" and check["count"] == 15
    images = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    assert [tuple(one.shape) for one in program(images)] == [(3, 20), (3, 20)]


def test_a_file_that_scores_otherwise_is_not_left(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.publish.check.LOGITS", 1e-12)
    monkeypatch.setattr("bench.publish.export.require_independence", lambda *_: None)
    done = bench(folder, None, "export", str(model), "--out", str(tmp_path / "model.onnx"))
    assert done.exit_code == 2 and "its logits would differ by up to" in done.output
    assert "salgl" in done.output and list(tmp_path.iterdir()) == []


class Branching(Head):
    """A head that decides by a value of the image, which no graph can."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, classes)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        pooled = features.amax((2, 3))
        return HeadOutput(self.score(pooled if pooled.sum() > 0 else -pooled), {}, {})


def test_a_head_that_cannot_be_traced_is_named() -> None:
    made, backbone = small_model("resnet"), tiny_backbone()
    model = MultiLabelModel(backbone, Branching(backbone.feature_dim, len(made.card.classes)))
    with pytest.raises(UserError, match="resnet with timm/test_byobnet cannot be exported: PyTorch cannot"):
        traced(Scoring(model, 1.0).eval(), made.card)


def refusal(folder: Path, *arguments: str) -> str:
    done = bench(folder, None, "export", *arguments)
    assert done.exit_code == 2 and "Traceback" not in done.output, done.output
    return done.output


def test_mistakes_are_named_with_what_to_do(
    folder: Path, model: Path, thresholds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(model)
    assert "Unknown model or run 'resnt'" in refusal(folder, "resnt")
    assert "Unknown format 'onx'. Did you mean 'onnx'?" in refusal(folder, name, "--format", "onx")
    assert "ends in .onnx, which model.pt2 does not" in refusal(folder, name, "--out", "model.pt2")
    (tmp_path / "empty").mkdir()
    assert "There is no picture in the folder" in refusal(folder, name, "--pictures", str(tmp_path / "empty"))
    (tmp_path / "empty" / "._1.jpg").write_bytes(b"what a Mac leaves beside a picture")
    assert "There is no picture in the folder" in refusal(folder, name, "--pictures", str(tmp_path / "empty"))
    write_picture(tmp_path / "cut.jpg", 0)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:200])
    assert "cut.jpg cannot be read" in refusal(folder, name, "--pictures", str(tmp_path / "cut.jpg"))
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "pipe.jpg cannot be read: it is no file but a pipe" in refusal(
        folder, name, "--pictures", str(tmp_path / "pipe.jpg")
    )
    fitted = json.loads(thresholds.read_text())
    thresholds.write_text(json.dumps({**fitted, "classes": ["cat"], "per_class": [0.5]}))
    assert "are for other classes" in refusal(folder, name)
    thresholds.write_text("{")
    assert "thresholds.json is damaged" in refusal(folder, name)
    thresholds.write_text(json.dumps({**fitted, "temperature": -1}))
    assert "'temperature' is -1" in refusal(folder, name)
    monkeypatch.setattr("bench.publish.formats.find_spec", lambda name: None if name == "onnx" else name)
    assert "needs onnx: pip install 'mlr-bench[onnx]'" in refusal(folder, name)
