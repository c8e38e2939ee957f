"""Metrics against what the published codes compute, and on real scores with ties."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score

from bench.metrics.average_precision import average_precision
from bench.metrics.evaluate import evaluate
from bench.metrics.precision_recall import precision_recall
from bench.metrics.protocol import PROTOCOLS, Protocol
from places import PARITY

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BENCH = PROTOCOLS["bench"]
# The parity file's order of the six values.
PARITY_ORDER = ("OP", "OR", "OF1", "CP", "CR", "CF1")

# Every array of the parity file, with the protocol that gives it. SALGL's branch named 2007 is the
# AP without interpolation, not the rule of 11 points.
PARITY_AP = {
    "ap_ranked_difficult_ignored": BENCH,
    "ap_ranked_difficult_positive": Protocol(name="x", difficult_in_ap="positive"),
    "ap_voc12_interpolated": PROTOCOLS["multilabelclassification"],
    "ap_salgl_2007_difficult_ignored": BENCH,
    "ap_salgl_2012_difficult_ignored": PROTOCOLS["salgl"],
}
PARITY_PR: dict[str, tuple[Protocol, int | None]] = {
    "all_OP_OR_OF1_CP_CR_CF1_published_mlgcn": (PROTOCOLS["ml-gcn"], None),
    "top3_OP_OR_OF1_CP_CR_CF1_published_mlgcn": (PROTOCOLS["ml-gcn"], 3),
    "thr05_OP_OR_OF1_CP_CR_CF1_published_multilabelclassification": (
        PROTOCOLS["multilabelclassification"],
        None,
    ),
    "top3_nothreshold_OP_OR_OF1_CP_CR_CF1_published_multilabelclassification": (
        PROTOCOLS["multilabelclassification"],
        3,
    ),
    "thr05_OP_OR_OF1_CP_CR_CF1_published_salgl": (PROTOCOLS["salgl"], None),
    "top3_OP_OR_OF1_CP_CR_CF1_published_salgl": (PROTOCOLS["salgl"], 3),
}


@pytest.fixture(scope="module")
def parity() -> dict[str, npt.NDArray[np.float64]]:
    with np.load(PARITY / "metrics_n600_c20.npz") as archive:
        return dict(archive)


def same(ours: npt.ArrayLike, expected: npt.ArrayLike) -> None:
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(expected, float), rtol=0, atol=1e-14)


def test_every_parity_array_is_checked(parity: dict[str, Floats]) -> None:
    assert set(parity) == {"scores", "labels", *PARITY_AP, *PARITY_PR}


@pytest.mark.parametrize("key", PARITY_AP)
def test_ap_is_the_published_one(parity: dict[str, Floats], key: str) -> None:
    ours = average_precision(parity["scores"], parity["labels"].astype(int), PARITY_AP[key])
    same(ours, parity[key])


@pytest.mark.parametrize("key", PARITY_PR)
def test_precision_and_recall_are_the_published_ones(parity: dict[str, Floats], key: str) -> None:
    protocol, top_k = PARITY_PR[key]
    ours = precision_recall(parity["scores"], parity["labels"].astype(int), protocol, top_k)._asdict()
    same([ours[name] for name in PARITY_ORDER], parity[key])
    whole = evaluate(parity["scores"], parity["labels"].astype(int), protocol)
    names = [name if top_k is None else f"{name}_top3" for name in PARITY_ORDER]
    assert [whole.value(name) for name in names] == [ours[name] for name in PARITY_ORDER]


def test_parity_needs_each_choice(parity: dict[str, Floats]) -> None:
    """The data tell the protocols apart: class 3 is predicted nowhere, and labels 0 are many."""
    scores, labels = parity["scores"], parity["labels"].astype(int)
    rows = {name: evaluate(scores, labels, p) for name, p in PROTOCOLS.items()}
    assert rows["ml-gcn"] == rows["add-gcn"]
    # ML-Decoder's code has AP alone; the rest of its protocol is this project's.
    assert rows["bench"] == rows["ml-decoder"]
    # TDRG's measures as ADD-GCN's.
    assert rows["tdrg"] == rows["add-gcn"]
    del rows["add-gcn"], rows["ml-decoder"], rows["tdrg"]
    for first, second in itertools.combinations(rows, 2):
        assert rows[first] != rows[second], (first, second)
    assert (scores[:, 3] < 0).all()
    # A difficult label that is predicted is a false alarm for ML-GCN alone.
    assert rows["bench"].CP > rows["ml-gcn"].CP and rows["bench"].CR == rows["ml-gcn"].CR
    assert rows["bench"].OP > rows["ml-gcn"].OP


# --- real scores


@pytest.fixture(scope="module")
def resnet18(shared: Path) -> tuple[npt.NDArray[np.float32], Ints]:
    """Probabilities of a ResNet-18 on VOC2012 val, (5823, 20) with ties, and labels 1 and -1."""
    with np.load(shared / "realdata" / "scores_voc2012val_resnet18.npz") as archive:
        return archive["scores"], np.where(archive["targets"] == 1, 1, -1)


def log_odds(probabilities: npt.NDArray[np.float32]) -> Floats:
    """Logits in float64; the 25 probabilities that are 1 in float32 stay the highest."""
    p = np.minimum(probabilities.astype(np.float64), 1 - 1e-9)
    return np.log(p) - np.log1p(-p)


def test_real_scores_equal_scikit_learn(resnet18: tuple[npt.NDArray[np.float32], Ints]) -> None:
    probabilities, labels = resnet18
    logits = log_odds(probabilities)
    metrics = evaluate(logits, labels, BENCH)
    theirs = [average_precision_score(labels[:, c] == 1, probabilities[:, c]) for c in range(20)]
    same(np.array(metrics.per_class_ap, dtype=float), theirs)
    assert metrics.mAP == pytest.approx(0.8445635031067369, abs=1e-12)
    assert metrics.num_images == 5823
    assert metrics.classes_without_positives == ()
    # The ties are real: 93 scores of `person` repeat another one.
    assert [len(np.unique(column)) for column in logits.T] == [len(np.unique(c)) for c in probabilities.T]
    assert len(np.unique(logits[:, 14])) == 5730
    true, predicted = labels == 1, probabilities >= 0.5
    same(metrics.OF1, f1_score(true, predicted, average="micro"))
    same(metrics.CP, precision_score(true, predicted, average="macro"))


def test_protocols_move_real_numbers(resnet18: tuple[npt.NDArray[np.float32], Ints]) -> None:
    probabilities, labels = resnet18
    logits = log_odds(probabilities)
    rows = {name: evaluate(logits, labels, protocol) for name, protocol in PROTOCOLS.items()}
    # Interpolation alone is worth a fraction of a point.
    assert 0.001 < rows["salgl"].mAP - rows["bench"].mAP < 0.01
    # An image has 1.4 labels, so three forced ones are mostly wrong.
    assert rows["ssgrl"].OP_top3 < 0.5 < rows["bench"].OP_top3
    assert rows["ssgrl"].OP_top3 == pytest.approx(rows["ssgrl"].OR_top3 * (labels == 1).sum() / (3 * 5823))
    # Few images have more than three predicted labels, and every class is predicted somewhere.
    assert rows["bench"].OR - rows["bench"].OR_top3 < 0.01
    assert rows["bench"] == rows["ml-gcn"]
