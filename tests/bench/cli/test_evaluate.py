"""`bench evaluate`: a stored model, from a run or a published file, scored on a data set."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision import models

from bench.datasets.classes import VOC_CLASSES
from bench.methods.graph import propagation_matrix, reweighted_graph
from bench.metrics.evaluate import METRICS, evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import SALGL, TINY, bench
from published_made import WIDTH, made_backbone, made_state
from trees import write_voc

TEST_IMAGES = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=8, test=TEST_IMAGES)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A folder in which SALGL, which keeps a memory, was trained for one epoch."""
    folder = tmp_path_factory.mktemp("trained")
    done = bench(folder, data, "run", "--methods", SALGL, "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def graph() -> NDArray[np.float64]:
    pairs = np.random.default_rng(0).random((20, 20)) * (1 - np.eye(20))
    return reweighted_graph(pairs, 0.4, 0.2)


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((20, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def imported(
    tmp_path_factory: pytest.TempPathFactory,
    graph: NDArray[np.float64],
    vectors: NDArray[np.float32],
) -> Path:
    """A folder with imported models: ML-GCN, the same with its classes turned round, and ResNet."""
    folder = tmp_path_factory.mktemp("imported")
    np.save(folder / "vectors.npy", vectors)
    (folder / "turned.txt").write_text("\n".join(reversed(VOC_CLASSES)))
    torch.save({**made_state("ml-gcn"), "A": torch.from_numpy(graph)}, folder / "ml-gcn.pth")
    torch.save(made_state("resnet"), folder / "resnet.pth")
    for name, *how in (
        ("ml-gcn", "--vectors", "vectors.npy", "--data", "voc2007", "--out", "ml-gcn.safetensors"),
        ("ml-gcn", "--vectors", "vectors.npy", "--class-order", "turned.txt", "--out", "turned.safetensors"),
        ("resnet", "--data", "voc2007", "--out", "resnet.safetensors"),
    ):
        code = "multilabelclassification" if name == "resnet" else name
        made = bench(
            folder, None, "import-checkpoint", "--from", code, "--image-size", "64", *how, f"{name}.pth"
        )
        assert made.exit_code == 0, made.output
    return folder


def evaluated(
    folder: Path, data: Path, checkpoint: Path | str, *more: str
) -> tuple[Result, NDArray[np.float32]]:
    """The command's result, and the logits that it wrote."""
    scores = folder / "scores.npz"
    scores.unlink(missing_ok=True)
    command = ("evaluate", "--checkpoint", str(checkpoint), "--data", "voc2007", "--device", "cpu")
    done = bench(folder, data, *command, "--scores", str(scores), *more)
    assert done.exit_code == 0, done.output
    with np.load(scores) as stored:
        assert stored["logits"].shape == stored["labels"].shape == (len(stored["ids"]), 20)
        assert tuple(stored["classes"]) == VOC_CLASSES
        return done, stored["logits"]


def row(output: str, title: str) -> list[float]:
    (line,) = (line for line in output.splitlines() if line.startswith(title))
    return [float(value) for value in line.removeprefix(title).split()]


def published_features(data: Path, resize: int, side: int) -> Tensor:
    """The maps that the published codes compute for the test images, by torchvision's network."""
    network = models.resnet18(weights=None)
    network.load_state_dict(made_backbone())
    body = torch.nn.Sequential(*list(network.children())[:-2]).eval()
    devkit = data / "VOCdevkit" / "VOC2007"
    ids = (devkit / "ImageSets" / "Main" / "test.txt").read_text().split()
    edge = (resize - side) // 2
    images = []
    for name in ids:
        with Image.open(devkit / "JPEGImages" / f"{name}.jpg") as picture:
            pixels = np.asarray(picture.convert("RGB").resize((resize, resize), Image.Resampling.BILINEAR))
        images.append(pixels[edge : edge + side, edge : edge + side] / 255)
    batch = (np.stack(images) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    with torch.no_grad():
        maps: Tensor = body(torch.from_numpy(batch).permute(0, 3, 1, 2).float())
    return maps


def published_ml_gcn(
    maps: Tensor, graph: NDArray[np.float64], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """ML-GCN's head as published, from the tensors of the checkpoint."""
    state = made_state("ml-gcn")
    propagation = torch.from_numpy(propagation_matrix(graph)).float()
    hidden = torch.nn.functional.leaky_relu(
        propagation @ (torch.from_numpy(vectors) @ state["gc1.weight"]), 0.2
    )
    classifiers = propagation @ (hidden @ state["gc2.weight"])
    result: NDArray[np.float32] = (maps.amax(dim=(2, 3)) @ classifiers.T).numpy()
    return result


def test_it_is_said_where_a_model_was_trained_on_these_images(trained: Path, data: Path) -> None:
    asked = ("evaluate", "--checkpoint", "voc2007-salgl", "--data")
    said = "note: the model was trained on voc2007, whose training split has these images"
    for name, expected in (("voc2007-train-val", True), ("voc2007", False)):
        done = bench(trained, data, *asked, name)
        assert done.exit_code == 0 and (said in done.stdout) is expected, done.output


def test_the_model_of_a_run_gives_the_numbers_of_its_record(trained: Path, data: Path) -> None:
    store = RecordStore(trained / "results")
    (record,) = (r for r in store.all() if isinstance(r, Record) and r.history)
    model = trained / "work" / "runs" / record.run_id / "model.safetensors"
    done, logits = evaluated(trained, data, model, "--batch-size", "4", "--per-class")
    np.testing.assert_array_equal(logits, store.scores(record).logits)
    _, by_name = evaluated(trained, data, record.run_id, "--batch-size", "4")
    np.testing.assert_array_equal(by_name, logits)
    assert record.metrics is not None
    found = [*row(done.output, "all labels"), *row(done.output, "top 3")]
    assert found == [pytest.approx(100 * record.metrics.value(name), abs=0.006) for name in METRICS]
    assert f"from run {record.run_id}" in done.output and "protocol: bench" in done.output
    person = row(done.output, "person")
    ap = record.metrics.per_class_ap[VOC_CLASSES.index("person")]
    assert ap is not None and person == [pytest.approx(100 * ap, abs=0.006), 3]


def test_a_published_model_gives_the_published_scores(
    imported: Path, data: Path, graph: NDArray[np.float64], vectors: NDArray[np.float32]
) -> None:
    done, logits = evaluated(imported, data, "ml-gcn.safetensors")
    expected = published_ml_gcn(published_features(data, 64, 64), graph, vectors)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    assert "protocol: ml-gcn" in done.output, "by default that of the code"
    with np.load(imported / "scores.npz") as stored:
        labels = stored["labels"]
    for protocol in ("ml-gcn", "ssgrl"):
        done, logits = evaluated(imported, data, "ml-gcn.safetensors", "--protocol", protocol)
        metrics = evaluate(logits, labels, PROTOCOLS[protocol])
        assert row(done.output, "all labels")[:2] == [
            pytest.approx(100 * value, abs=0.006) for value in (metrics.mAP, metrics.CP)
        ]


def test_classes_in_another_order_are_put_into_that_of_the_data_set(
    imported: Path, data: Path, graph: NDArray[np.float64], vectors: NDArray[np.float32]
) -> None:
    _, logits = evaluated(imported, data, "turned.safetensors")
    expected = published_ml_gcn(published_features(data, 64, 64), graph, vectors)[:, ::-1]
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())


def test_the_centre_is_cut_out_where_the_code_does_so(imported: Path, data: Path) -> None:
    """MultiLabelClassification and SSGRL resize to 640 and test on the centre of 576; at 64 pixels of 71."""
    done, logits = evaluated(imported, data, "resnet.safetensors")
    assert "6 images at 64 pixels, the centre of 71" in done.output
    state = made_state("resnet")
    pooled = published_features(data, 71, 64).mean(dim=(2, 3))
    expected = (pooled @ state["network.fc.weight"].T + state["network.fc.bias"]).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())


def test_another_test_size_is_said_with_what_it_changes(
    imported: Path, data: Path, graph: NDArray[np.float64], vectors: NDArray[np.float32]
) -> None:
    done, logits = evaluated(imported, data, "ml-gcn.safetensors", "--image-size", "96")
    assert (
        "note: trained at 64 pixels" in done.output and "the whole map is pooled at any size" in done.output
    )
    expected = published_ml_gcn(published_features(data, 96, 96), graph, vectors)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    done, logits = evaluated(imported, data, "ml-gcn.safetensors", "--limit-eval", "4")
    assert len(logits) == 4 and "note:" not in done.output


def refusal(folder: Path, data: Path, checkpoint: Path, *more: str) -> str:
    command = ("evaluate", "--checkpoint", str(checkpoint), "--data", "voc2007", "--device", "cpu")
    done = bench(folder, data, *command, *more)
    assert done.exit_code == 2, done.output
    return done.output


def test_what_is_no_model_of_this_project_is_refused_with_the_remedy(
    imported: Path, data: Path, tmp_path: Path
) -> None:
    whole = imported / "resnet.safetensors"
    assert "does not exist" in refusal(tmp_path, data, tmp_path / "none.safetensors")
    assert "bench import-checkpoint" in refusal(tmp_path, data, imported / "ml-gcn.pth")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-1000])
    assert "no whole safetensors file" in refusal(tmp_path, data, cut)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    assert "does not say which model" in refusal(tmp_path, data, foreign)
    tensors = load_file(whole)
    header = whole.read_bytes()
    length = int.from_bytes(header[:8], "little")
    card = json.loads(header[8 : 8 + length])["__metadata__"]["bench"]
    save_file(tensors, foreign, metadata={"bench": card.replace('"format":1', '"format":2')})
    assert "The header of" in refusal(tmp_path, data, foreign)
    del tensors["head.classifier.bias"]
    save_file(tensors, foreign, metadata={"bench": card})
    assert "head.classifier.bias" in refusal(tmp_path, data, foreign)


def test_a_model_of_other_classes_names_both_numbers(data: Path, tmp_path: Path) -> None:
    torch.save(made_state("add-gcn", classes=80), tmp_path / "coco.pth")
    made = bench(tmp_path, None, "import-checkpoint", "--from", "add-gcn", "--data", "coco2014", "coco.pth")
    assert made.exit_code == 0, made.output
    message = refusal(tmp_path, data, tmp_path / "coco.safetensors")
    assert "The model has 80 classes and voc2007 has 20" in message and "aeroplane" in message
    assert "fp16" in refusal(tmp_path, data, tmp_path / "coco.safetensors", "--precision", "fp16")
