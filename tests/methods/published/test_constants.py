"""What a published checkpoint does not hold, label vectors and graph, and how it is given."""

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.datasets.classes import VOC_CLASSES
from bench.engine.models.import_published import Given, import_published
from bench.methods.graph import conditional_probability, reweighted_graph
from published_made import (
    HIDDEN,
    NEEDS_VECTORS,
    WIDTH,
    given_in,
    made_state,
    refusal,
    same,
    state,
    write,
    write_constants,
)
from trees import write_voc

Say = Callable[..., Given]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Say:
    """Says of a method's checkpoint what it does not hold; keywords change it."""
    folder = tmp_path_factory.mktemp("constants")
    write_constants(folder)
    return partial(given_in, folder)


def graph_of(given: Say) -> Path:
    """The counts that go with the checkpoints."""
    path = given("ssgrl").graph
    assert path is not None
    return path


@pytest.mark.parametrize("method", NEEDS_VECTORS)
def test_what_a_checkpoint_does_not_hold_is_asked_for_in_one_sentence(
    method: str, given: Say, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.pth", made_state(method))
    message = refusal(path, given(method, data=None, vectors=None, graph=None))
    assert "8 numbers per class (--vectors FILE)" in message and "--graph FILE" in message
    assert "\n" not in message
    message = refusal(write(path, state("salgl")), given("salgl", vectors=path))
    assert "Leave out --vectors" in message


def test_label_vectors_must_fit(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pth", state("ml-gcn"))
    wide, pickled = tmp_path / "wide.npy", tmp_path / "vectors.pkl"
    np.save(wide, np.zeros((20, 50)))
    assert "20 x 50, but the checkpoint takes 20 x 8" in refusal(path, given("ml-gcn", vectors=wide))
    pickled.write_bytes(pickle.dumps(np.zeros((20, WIDTH))))
    assert "numpy.save" in refusal(path, given("ml-gcn", vectors=pickled))
    few = tmp_path / "few.npz"
    np.savez(few, labels=np.array(VOC_CLASSES[:-1]), glove=np.zeros((19, WIDTH)))
    assert "no vector for: tvmonitor" in refusal(path, given("ml-gcn", vectors=few))
    spelt = [name.replace("tvmonitor", "TV monitor") for name in VOC_CLASSES]
    np.savez(
        tmp_path / "spelt.npz", names=np.array(spelt), narrow=np.zeros((20, 3)), glove=np.ones((20, WIDTH))
    )
    trained, _ = import_published(path, given("ml-gcn", vectors=tmp_path / "spelt.npz"))
    assert (trained.labels.vectors == 1).all(), "looked up as those of a run are"
    few.write_bytes(few.read_bytes()[:300])
    assert "cannot be read as arrays" in refusal(path, given("ml-gcn", vectors=few))
    text = tmp_path / "words.txt"
    text.write_text("".join(f"{name} {' '.join(['0.5'] * WIDTH)}\n" for name in VOC_CLASSES))
    trained, _ = import_published(path, given("ml-gcn", vectors=text))
    assert trained.labels.vectors.shape == (20, WIDTH) and (trained.labels.vectors == 0.5).all()


def test_the_graph_in_an_ml_gcn_checkpoint_is_used_and_checks_a_given_one(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pth", state("ml-gcn"))
    held, _ = import_published(path, given("ml-gcn"))
    counted, _ = import_published(path, given("ml-gcn", graph=graph_of(given)))
    assert same(held, counted) and "'A' in the published file" in held.card.graph
    without, _ = import_published(
        write(tmp_path / "y.pth", made_state("ml-gcn")), given("ml-gcn", graph=graph_of(given))
    )
    assert same(held, without)
    turned = tmp_path / "turned.npz"
    with np.load(graph_of(given)) as stored:
        np.savez(turned, nums=stored["nums"][::-1], adj=stored["adj"][::-1, ::-1])
    message = refusal(path, given("ml-gcn", graph=turned))
    assert "differs from that in the checkpoint" in message and "another order" in message
    other = reweighted_graph(1 - np.eye(20), 0.4, 0.5)
    path = write(path, {**state("ml-gcn"), "A": torch.from_numpy(other)})
    assert "--from ml-gcn/p=VALUE" in refusal(path, given("ml-gcn"))
    trained, _ = import_published(path, given("ml-gcn", code="ml-gcn/p=0.5"))
    assert trained.card.method.options["p"] == 0.5


def test_an_ssgrl_graph_may_be_counts_or_probabilities_or_be_counted(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pth", state("ssgrl"))
    features = torch.rand(2, 512, 4, 4, generator=torch.Generator().manual_seed(0))

    def logits(**changes: Any) -> Tensor:
        trained, _ = import_published(path, given("ssgrl", **changes))
        with torch.no_grad():
            return trained.model.head(features).logits  # type: ignore[no-any-return]

    with np.load(graph_of(given)) as stored:
        probability = conditional_probability(stored["nums"], stored["adj"])
    np.save(tmp_path / "p.npy", probability)
    np.save(tmp_path / "none.npy", np.zeros((20, 20)))
    from_counts = logits()
    torch.testing.assert_close(logits(graph=tmp_path / "p.npy"), from_counts)
    assert (logits(graph=tmp_path / "none.npy") - from_counts).abs().max() > 1e-4, "the graph matters"
    np.save(tmp_path / "p.npy", probability[:3, :3])
    assert "of 3 classes" in refusal(path, given("ssgrl", graph=tmp_path / "p.npy"))
    assert "BENCH_DATA_ROOT" in refusal(path, given("ssgrl", graph=None)), "it cannot be counted"


def test_a_graph_is_counted_in_the_order_of_the_checkpoint(
    given: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=12, test=4)
    path = write(tmp_path / "x.pth", state("ssgrl"))
    names = tmp_path / "names.txt"
    names.write_text("\n".join(reversed(VOC_CLASSES)))
    here = given("ssgrl", graph=None, data_root=tmp_path / "data")
    straight, _ = import_published(path, here)
    turned, _ = import_published(
        path, given("ssgrl", graph=None, data_root=tmp_path / "data", class_order=str(names))
    )
    assert straight.labels.counts[VOC_CLASSES.index("person")] == 6, "in every other of 12 images"
    assert straight.card.train_images == 12 and "voc2007 trainval" in straight.card.graph
    np.testing.assert_array_equal(turned.labels.counts, straight.labels.counts[::-1])
    np.testing.assert_array_equal(turned.labels.cooccurrence, straight.labels.cooccurrence[::-1, ::-1])


def test_the_constants_published_elsewhere_are_read_in_their_order(
    given: Say, shared: Path, tmp_path: Path
) -> None:
    """The published COCO counts are alphabetical; the vectors are by category id, and found by name."""
    tensors = made_state("ml-gcn", classes=80)
    tensors["gc1.weight"] = torch.zeros(300, HIDDEN)
    real = shared / "realdata"
    wanted = given(
        "ml-gcn",
        data="coco2014",
        graph=real / "graphs" / "mlgcn_coco_adj.npz",
        vectors=real / "label_vectors" / "mscoco.npz",
    )
    trained, _ = import_published(write(tmp_path / "coco.pth", tensors), wanted)
    assert trained.card.classes[trained.labels.counts.argmax()] == "person", "the commonest class of COCO"
    with np.load(real / "label_vectors" / "mscoco.npz") as stored:
        row = list(stored["labels"]).index("zebra")
        np.testing.assert_array_equal(
            trained.labels.vectors[trained.card.classes.index("zebra")], stored["glove_300d"][row]
        )
