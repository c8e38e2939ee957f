"""The leading chart says what the tests do: who is ahead, what is a tie, and who was not tested."""

from pathlib import Path

import numpy as np

from bench.leaderboard.lead import LeadPanel, lead_panels
from bench.leaderboard.ranking import ranking
from bench.leaderboard.write import write_leaderboard
from bench.metrics.evaluate import evaluate
from bench.records.store import RecordStore, Scores
from bench.tables.book import Book
from made_records import made_cell, made_record, made_scores

NOISE = {"resnet": 3.0, "ml-gcn": 0.9, "salgl": 0.9, "ssgrl": 0.6}


def store_of(folder: Path, seeds: dict[str, int]) -> RecordStore:
    """Runs whose scores are the labels and noise: ResNet has much, ML-GCN and SALGL alike, SSGRL little."""
    store = RecordStore(folder)
    for method, count in seeds.items():
        for seed in range(count):
            cell = made_cell(method, seed)
            labels = made_scores(cell, images=300).labels
            noise = np.random.default_rng([seed, *method.encode()]).normal(size=labels.shape)
            ids = np.array([f"image-{number:03}" for number in range(len(labels))])
            logits = (labels + NOISE.get(method, 9.0) * noise).astype(np.float32)
            scores = Scores(ids, logits, labels)
            metrics = evaluate(logits, labels, cell.protocol)
            store.save(made_record(cell, metrics=metrics)[0], scores)
    return store


def panel_of(store: RecordStore) -> LeadPanel:
    book = Book(store)
    found = ranking(book.groups)
    evidence = {data: book.evidence(group) for data, group in found.columns.items()}
    (panel,) = lead_panels(found, {"voc2007": "data-1"}, {"voc2007": "VOC"}, evidence)
    return panel


def test_a_winner_a_loser_and_who_was_not_tested(tmp_path: Path) -> None:
    panel = panel_of(store_of(tmp_path, {"prior": 1, "resnet": 3, "ml-gcn": 3, "ssgrl": 1}))
    assert [(row.name, row.verdict, row.seeds) for row in panel.rows] == [
        ("SSGRL", "untested", 1),
        ("ML-GCN", "best", 3),
        ("ResNet baseline", "behind", 3),
    ]
    _, best, last = panel.rows
    points = last.behind.removeprefix("−")
    assert abs(float(best.value) - float(last.value) - float(points)) < 0.11 and best.behind == ""
    assert panel.sentence == (
        f"ML-GCN wins, by {points} points over ResNet baseline. Too few seeds to be tested: SSGRL."
    )
    assert panel.floor.startswith("Label frequency, the floor: ")
    first, final = float(panel.ticks[0]), float(panel.ticks[-1])
    for row in panel.rows:
        assert 0 <= float(row.low) < float(row.place) < float(row.high) <= 100
        low, high = map(float, row.interval.strip("[]").split(", "))
        for share, value in ((row.low, low), (row.place, float(row.value)), (row.high, high)):
            assert abs(first + (final - first) * float(share) / 100 - value) < 0.06
    assert panel.best == best.place


def test_a_tie_is_called_one(tmp_path: Path) -> None:
    panel = panel_of(store_of(tmp_path, {"resnet": 3, "ml-gcn": 3, "salgl": 3}))
    first, second, last = panel.rows
    assert {first.name, second.name} == {"ML-GCN", "SALGL"}
    assert {first.verdict, second.verdict} == {"best", "tied"} and last.verdict == "behind"
    points = last.behind.removeprefix("−")
    ahead, level = (one.name for one in sorted(panel.rows[:2], key=lambda row: row.verdict))
    assert panel.sentence == (
        f"{ahead} has the highest mean and cannot be told from {level}; behind by {points} points: ResNet baseline."
    )


def test_without_seeds_nobody_wins(tmp_path: Path) -> None:
    panel = panel_of(store_of(tmp_path, {"resnet": 2, "ml-gcn": 3}))
    assert {row.verdict for row in panel.rows} == {"untested"} and panel.best == ""
    assert {row.behind for row in panel.rows} == {""} and panel.sentence.startswith("Nobody is ahead yet")


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    store = store_of(tmp_path / "results", {"resnet": 3, "ml-gcn": 3})
    pages = [
        [path.read_bytes() for path in write_leaderboard(store, tmp_path / name)] for name in ("one", "two")
    ]
    assert pages[0] == pages[1]
