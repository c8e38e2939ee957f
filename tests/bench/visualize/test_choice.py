"""Which models and which images are shown where none is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.methods.catalog import METHODS
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RecordStore
from bench.visualize.catalog import KINDS
from bench.visualize.models import Chosen, choose_models
from bench.visualize.telling import most_telling
from made_records import made_cell, store_made
from small_heads import SMALL, batch
from small_heads import trained as trained_head
from views import model_of

LABELS = np.array([[1, 1, -1], [1, 1, -1], [1, -1, -1], [1, -1, 1], [1, 1, -1], [-1, -1, -1]], np.int8)
RIGHT = np.where(LABELS == 1, 4.0, -4.0).astype(np.float32)


def changed(*changes: tuple[int, int, float]) -> np.ndarray:
    logits = RIGHT.copy()
    for image, label, value in changes:
        logits[image, label] = value
    return logits


def test_methods_are_compared_where_they_differ_and_one_is_right() -> None:
    # The methods differ most on image 3, where neither is right; then on 1, where the second is.
    first = changed((1, 0, -4), (3, 0, -4), (3, 2, -4), (0, 1, -1))
    second = changed((3, 1, 4))
    logits = np.stack([first, second])
    assert most_telling("differing", logits, LABELS, 1) == [1]
    # 0 and 4 have the labels of 1, so others come first; images with one label come last.
    assert most_telling("differing", logits, LABELS, 6) == [1, 3, 2, 5, 0, 4]


def test_maps_are_shown_where_methods_are_right_about_several_labels() -> None:
    logits = np.stack([changed((0, 0, -2)), changed((0, 0, -2), (4, 0, 0.5))])
    # Both are right on 1 and 3; of two labels each, the surer one first, the first of equals.
    assert most_telling("sure", logits, LABELS, 2) == [1, 3]
    assert most_telling("sure", logits[:, 2:], LABELS[2:], 4) == [1, 2, 0, 3]


def test_difficult_labels_count_neither_way() -> None:
    labels = np.array([[1, 1, 0, -1], [1, 1, -1, -1]], np.int8)
    logits = np.array([[[4, 4, 4, -4], [4, 4, 4, -4]]], np.float32)
    assert most_telling("sure", logits, labels, 1) == [0]


def chosen(store: RecordStore, notes: list[str] | None = None, **asked: object) -> Chosen:
    given: dict[str, object] = {"runs": (), "data": None, "methods": (), **asked}
    return choose_models(store, note=(notes if notes is not None else []).append, **given)  # type: ignore[arg-type]


@pytest.fixture
def store(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordStore:
    """Records on two data sets under two sets of conditions, most with the same model in the work folder."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    other = PROTOCOLS["salgl"]
    with_model = [
        *(made_cell("salgl", seed=2), made_cell("salgl", seed=1), made_cell("resnet", seed=1)),
        *(made_cell("resnet/pool=max", seed=4), made_cell("ml-gcn", data="scenes")),
        made_cell("add-gcn", protocol=other),
    ]
    for cell in with_model:
        folder = tmp_path / "work" / "runs" / cell.run_id()
        folder.mkdir(parents=True)
        shutil.copy(model_of(trained, "resnet"), folder)
    return store_made(tmp_path / "results", made_cell("prior"), made_cell("resnet"), *with_model)


def test_one_run_of_each_method_under_the_conditions_of_most(store: RecordStore) -> None:
    notes: list[str] = []
    found = chosen(store, notes)
    assert [(m.label, m.record and m.record.cell.seed) for m in found.models] == [
        ("resnet", 1),
        ("resnet/pool=max", 4),
        ("salgl", 1),
    ]
    assert [m.title for m in found.models] == ["ResNet baseline", "ResNet baseline (pool=max)", "SALGL"]
    assert (found.data, found.selection) == ("voc2007", ())
    assert notes == ["of models on voc2007; there are others, on scenes: --data NAME"]
    assert [m.label for m in chosen(store, data="scenes").models] == ["ml-gcn"]
    (alone,) = chosen(store, methods=("add-gcn",)).models
    assert alone.label == "add-gcn" and chosen(store, methods=("add-gcn",)).number != found.number
    assert [m.label for m in chosen(store, methods=("seeds",)).models] == ["resnet", "salgl"]


def test_runs_of_one_method_are_told_apart_by_their_seeds(store: RecordStore) -> None:
    runs = [made_cell("salgl", seed=seed).run_id() for seed in (2, 1)]
    found = chosen(store, runs=runs)
    assert [m.title for m in found.models] == ["SALGL, seed 1", "SALGL, seed 2"]
    assert [m.tag for m in found.models] == ["salgl/s1", "salgl/s2"]
    with pytest.raises(UserError, match="on several data sets, scenes, voc2007"):
        chosen(store, runs=(runs[0], "scenes-ml-gcn"))
    with pytest.raises(UserError, match="is a run on voc2007, not on scenes"):
        chosen(store, runs=runs, data="scenes")
    with pytest.raises(UserError, match="has no model in"):
        chosen(store, runs=(made_cell("resnet").run_id(),))


@pytest.mark.parametrize("method", METHODS)
def test_the_methods_that_a_message_names_have_the_view(method: str) -> None:
    """As published: the first variant of each."""
    name = next(name for name, (one, _) in SMALL.items() if one.name == method)
    head, (features, _) = trained_head(name), batch()
    views = head(features).views
    maps = any(view in views for view in ("attention", "attention_0", "scores"))
    has = {
        "activation": maps or head.pooled_classifiers() is not None,
        "graph": "graph" in views,
        "scenes": "scene_probs" in views,
        "embedding": head.pooled_classifiers() is not None,
    }
    has["attention"] = has["activation"]
    assert has == {kind.name: method in kind.methods for kind in KINDS.values()}
