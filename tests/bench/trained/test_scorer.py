"""What a model says of pictures: probabilities, thresholds, and what is no picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import bench as library
from bench.engine.models.model_file import save_model
from bench.errors import UserError
from bench.metrics.operating_point import OperatingPoint, threshold_at
from bench.trained.operating_point import save_operating_point
from bench_command import bench
from small_models import small_model, write_small
from trees import write_picture


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "0.jpg"
    write_picture(path, 0, (40, 50))
    return path


def fit(path: Path, classes: tuple[str, ...], temperature: float, threshold: float) -> None:
    point: dict[str, Any] = {"overall": threshold, "target": "CF1", "source": "run x", "images": 9}
    each = (threshold,) * len(classes)
    save_operating_point(
        path, OperatingPoint(classes=classes, temperature=temperature, per_class=each, **point)
    )


def test_without_a_temperature_nothing_is_called_calibrated(picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    classes = write_small(path, "resnet").card.classes
    for temperature, calibrated in ((1.0, False), (2.0, True)):
        fit(path, classes, temperature, 0.5)
        said = json.loads(bench(tmp_path, None, "predict", str(path), str(picture), "--json").stdout)
        assert said["calibrated"] is calibrated
        table = bench(tmp_path, None, "predict", str(path), str(picture)).stderr
        assert ("not calibrated, because `bench thresholds` found no temperature" in table) is not calibrated


def test_labels_that_a_model_is_very_sure_of_keep_their_order_and_their_thresholds(
    picture: Path, tmp_path: Path
) -> None:
    path, trained = tmp_path / "model.safetensors", small_model("resnet")
    classes = trained.card.classes
    logits = np.linspace(18, 34, len(classes), dtype=np.float32)
    with torch.no_grad():
        for parameter in trained.model.head.parameters():
            parameter.zero_()
    trained.model.offset = torch.from_numpy(logits)
    save_model(path, *trained)
    middle = (float(logits[1]) + float(logits[2])) / 2
    fit(path, classes, 1.0, threshold_at(middle, 1.0))
    (one,) = library.load_model(path).predict(picture)
    assert [name for name, _ in one.labels(top=len(classes))] == list(classes[::-1])
    assert [name for name, _ in one.labels()] == list(classes[:1:-1])
    with pytest.raises(library.UserError, match="top 1 label or more, and not for 0"):
        one.labels(top=0)


def test_pictures_may_come_from_whatever_gives_one_after_the_other(picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_small(path, "resnet")
    scorer = library.load_model(path)
    folder = sorted(picture.parent.glob("*.jpg"))
    expected: NDArray[np.float32] = scorer.logits(folder)
    np.testing.assert_array_equal(scorer.logits(one for one in folder), expected)
    (found,) = scorer.predict(iter(folder))
    assert found.picture == str(picture)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_nothing_is_refused_wherever_one_is_given(
    size: int, picture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    write_small(path, "resnet")
    scorer = library.load_model(path)
    for asked in (scorer.logits, scorer.probabilities, scorer.predict):
        with pytest.raises(UserError, match="batch_size of at least 1"):
            asked(picture, batch_size=size)


@pytest.mark.parametrize("given", [None, 3, b"\xff\xd8", {"path": "a.jpg"}])
def test_what_is_no_picture_is_named(given: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_small(path, "resnet")
    scorer = library.load_model(path)
    for asked in (scorer.logits, scorer.predict):
        with pytest.raises(UserError, match="is no picture: give a file"):
            asked([given])
        with pytest.raises(UserError, match="is no picture: give a file"):
            asked(given)


def test_a_picture_that_was_closed_is_said_to_be(picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_small(path, "resnet")
    with Image.open(picture) as closed:
        pass
    with pytest.raises(UserError, match="was closed before it was read"):
        library.load_model(path).predict(closed)
