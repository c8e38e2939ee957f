"""What a label of an image takes from AP adds up to what AP lacks, exactly, however many scores are equal."""

import numpy as np
import pytest

from bench.explain.changes import Changes
from bench.explain.shares import shares_of_ap
from bench.metrics.average_precision import average_precision, positives
from bench.metrics.protocol import PROTOCOLS, Protocol

PLAIN = PROTOCOLS["bench"]


@pytest.mark.parametrize("difficult", ["ignored", "positive", "negative"])
@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_the_sum_over_images_is_what_ap_lacks(difficult: str, decimals: int) -> None:
    protocol = Protocol(name="it", difficult_in_ap=difficult)  # type: ignore[arg-type]
    rng = np.random.default_rng(decimals)
    labels = rng.choice(np.array([-1, -1, -1, 0, 1], np.int8), size=(60, 7))
    labels[:, 3] = -1  # a class without positives is in no mean
    scores = rng.normal(size=(2, 60, 7)).round(decimals).astype(np.float32)
    found = shares_of_ap(scores, labels, protocol)
    expected = np.mean([average_precision(one, labels, protocol) for one in scores], axis=0)
    lacking = np.nansum(found.lost, axis=0)
    present = ~np.isnan(expected)
    np.testing.assert_allclose(lacking[present], 1 - expected[present], atol=1e-12)
    assert np.isnan(found.lost[:, 3]).all() and not present[3]
    if difficult == "ignored":
        assert np.isnan(found.lost[labels == 0]).all()
    # Half of it is the positives', half the negatives'.
    mine = positives(labels, protocol.difficult_in_ap)
    np.testing.assert_allclose(
        np.nansum(np.where(mine, found.lost, 0), axis=0)[present], lacking[present] / 2
    )


def test_the_values_of_a_small_ranking() -> None:
    """Positive, negative, positive, negative from the top: precision 1 and 2/3."""
    labels = np.array([[1], [-1], [1], [-1]], np.int8)
    found = shares_of_ap(np.array([[[4.0], [3.0], [2.0], [1.0]]]), labels, PLAIN)
    assert found.rank[:, 0].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(found.precision[:, 0], [1, 1 / 2, 2 / 3, 2 / 4])
    assert found.above[:, 0].tolist() == [2, 1, 1, 0]
    np.testing.assert_allclose(found.lost[:, 0], [0, 1 / 12, 1 / 12, 0])


def test_equal_scores_enter_together() -> None:
    labels = np.array([[1], [-1], [-1]], np.int8)
    found = shares_of_ap(np.zeros((1, 3, 1)), labels, PLAIN)
    assert found.rank[:, 0].tolist() == [3, 3, 3]
    np.testing.assert_allclose(found.lost[:, 0], [1 / 3, 1 / 6, 1 / 6])


def test_the_largest_changes_come_first() -> None:
    labels = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], np.int8)
    a = np.array([[[4, 1], [3, 2], [2, 3], [1, 4]]], np.float32)
    b = np.array([[[4, 4], [3, 2], [1, 3], [2, 1]]], np.float32)
    found = Changes(*(shares_of_ap(one, labels, PLAIN) for one in (a, b)), labels == 1)
    gains, losses = found.largest(3)
    assert (gains[0].row, gains[0].column) == (0, 1), "from the last rank to the first"
    assert all(one.gain > 0 for one in gains) and all(one.gain < 0 for one in losses)
    assert [one.gain for one in gains] == sorted((one.gain for one in gains), reverse=True)
    assert {(one.row, one.column) for one in losses} >= {(3, 1)}
    values = [np.nanmean(average_precision(one[0], labels, PLAIN)) for one in (a, b)]
    gained, lost = found.images(4)
    np.testing.assert_allclose(sum(one.gain for one in (*gained, *lost)), values[1] - values[0])
    assert gained[0].row == 0 and gained[0].labels == (1,)
    assert found.largest(100)[0][: len(gains)] == gains, "no more than there are"
