"""`bench visualize`: every picture of trained models, from the command line."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.cli.visualize import command
from bench.datasets.classes import VOC_CLASSES
from bench.engine.models.model_file import load_model
from bench.records.store import RecordStore
from bench.trained.scorer import Scorer
from bench.visualize.catalog import KINDS
from bench_command import bench, own_environment
from views import files_in, model_of, records, words_of

Files = dict[str, bytes]
ALL = {
    *(f"voc2007-{kind}" for kind in ("activation", "graph", "embedding", "scenes+salgl")),
    *(f"voc2007-attention+{method}" for method in ("resnet", "ml-gcn", "add-gcn", "salgl")),
}


@pytest.fixture(scope="module")
def drawn(trained: Path, data: Path) -> tuple[Files, str]:
    """Every picture of the trained models, with what the command printed."""
    done = bench(trained, data, "visualize", "all", "--count", "2", "--format", "png,svg")
    assert done.exit_code == 0, done.output
    return files_in(trained / "results" / "figures"), done.output


@pytest.mark.slow
def test_every_picture_as_png_and_svg_with_its_tables(drawn: tuple[Files, str]) -> None:
    written, printed = drawn
    tables = {"voc2007-scenes+salgl.csv", "voc2007-scenes+salgl-images.csv", "voc2007-embedding.csv"}
    assert set(written) == {f"{name}.{ending}" for name in ALL for ending in ("png", "svg")} | tables
    for name, content in written.items():
        if name.endswith("png"):
            with Image.open(io.BytesIO(content)) as picture:
                assert picture.width > 600 and len(picture.convert("L").getcolors()) > 50
    assert sum(line.startswith("Written: ") for line in printed.splitlines()) == len(written)
    # What a method does not have is said, not hidden.
    assert "left out of 'scenes': ML-GCN does not show scenes" in printed
    assert "left out of 'graph': ResNet baseline does not show a label graph" in printed


@pytest.mark.slow
def test_equal_models_give_equal_bytes_whatever_is_configured(
    drawn: tuple[Files, str], trained: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\nfont.size: 30\nsvg.fonttype: none\n")
    environment = own_environment(trained, data) | {"PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path)}
    to = ["--format", "png,svg", "--out", str(tmp_path / "out")]
    kinds = [["visualize", "activation", "--count", "2", *to], ["visualize", "embedding", *to]]
    script = "from bench.cli import main\n" + "\n".join(
        f"main({words}, standalone_mode=False)" for words in kinds
    )
    again = [sys.executable, "-c", script]
    subprocess.run(again, check=True, cwd=trained, env=environment, capture_output=True)
    second = files_in(tmp_path / "out")
    assert len(second) == 5 and second == {name: drawn[0][name] for name in second}


@pytest.mark.slow
def test_methods_stand_beneath_each_other_as_tables_print_them(drawn: tuple[Files, str]) -> None:
    words = words_of(drawn[0]["voc2007-activation.svg"])
    titles = ["ResNet baseline", "ML-GCN", "ADD-GCN", "SALGL"]
    places = [words.index(title) for title in titles]
    assert places == sorted(places)
    kinds = [words[place + 1] for place in places]
    assert kinds == ["activation", "activation", "attention", "attention"]


@pytest.mark.slow
def test_scores_in_a_picture_are_those_of_the_model(
    drawn: tuple[Files, str], trained: Path, data: Path
) -> None:
    words = words_of(drawn[0]["voc2007-attention+salgl.svg"])
    store = RecordStore(trained / "results")
    scores = store.scores(records(trained)["salgl"])
    shown = [(place, word) for place, word in enumerate(words) if word in scores.ids]
    assert len(shown) == 2
    for (start, image), (end, _) in zip(shown, [*shown[1:], (len(words), "")], strict=True):
        (row,) = np.flatnonzero(scores.ids == image)
        parts = words[start + 1 : end]
        labels = [part for part in parts if part in VOC_CLASSES]
        numbers = [float(part.split()[0]) for part in parts if re.fullmatch(r"[01]\.\d+( [✓✗])?", part)]
        # Every label that the image has is there, and the numbers are the probabilities of the names.
        assert {VOC_CLASSES[c] for c in np.flatnonzero(scores.labels[row] == 1)} <= set(labels)
        wanted = [1 / (1 + np.exp(-scores.logits[row, VOC_CLASSES.index(name)])) for name in labels]
        np.testing.assert_allclose(numbers, wanted, atol=0.012)


@pytest.mark.slow
def test_the_tables_of_the_scenes_hold_the_memory_and_every_image(
    drawn: tuple[Files, str], trained: Path, data: Path
) -> None:
    table = pd.read_csv(io.BytesIO(drawn[0]["voc2007-scenes+salgl.csv"]))
    file = load_model(model_of(trained, "salgl"))
    memory = file.model.head.cooccurrence.numpy()
    assert len(table) == memory.size == 6 * 20 * 20
    np.testing.assert_allclose(table.count_of_both, memory.ravel(), atol=1e-4)
    # A scene counts each training image once an epoch: over the scenes these are the images of a label.
    alone = table[table.i == table.j].groupby("i").count_of_both.sum()
    fed = 12 - 12 % 4
    assert alone["person"] == pytest.approx(file.labels.counts[14], abs=12 - fed)
    row = table[(table.count_of_i > 0) & (table.i != table.j) & (table.count_of_both > 0)].iloc[0]
    assert row.probability_of_j_given_i == pytest.approx(row.count_of_both / row.count_of_i, abs=1e-5)
    images = pd.read_csv(io.BytesIO(drawn[0]["voc2007-scenes+salgl-images.csv"]), dtype={"image": str})
    probability = images.filter(like="scene_").to_numpy()
    jpeg = data / "VOCdevkit" / "VOC2007" / "JPEGImages"
    seen = Scorer(file, "cpu").look([jpeg / f"{name}.jpg" for name in images.image])
    assert seen.scenes is not None
    np.testing.assert_allclose(probability, seen.scenes, atol=2e-6)
    assert images.most_probable.tolist() == (seen.scenes.argmax(axis=1) + 1).tolist()


@pytest.mark.slow
def test_the_nearest_labels_are_those_of_the_classifiers(drawn: tuple[Files, str], trained: Path) -> None:
    table = pd.read_csv(io.BytesIO(drawn[0]["voc2007-embedding.csv"]))
    assert list(dict.fromkeys(table.method)) == ["ResNet baseline", "ML-GCN"]
    classifiers = load_model(model_of(trained, "ml-gcn")).model.head.pooled_classifiers()
    assert classifiers is not None
    vectors = classifiers.detach().numpy()
    for line in table[table.method == "ML-GCN"].sample(8, random_state=0).itertuples():
        one, other = (vectors[VOC_CLASSES.index(name)] for name in (line.label, line.nearest))
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert line.cosine == pytest.approx(cosine, abs=1e-3)
    first = table[(table["rank"] == 1) & (table.method == "ML-GCN") & (table.label == "dog")].iloc[0]
    assert first.super_category == "animal" and "dog          " in drawn[1]
    assert f"{first.nearest} {first.cosine:.2f}" in drawn[1]


def test_help_lists_every_picture() -> None:
    assert command.epilog is not None
    for kind in KINDS.values():
        assert kind.name in command.epilog and kind.summary in command.epilog
