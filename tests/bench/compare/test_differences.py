"""What `bench compare` finds and prints."""

import re
from pathlib import Path

import numpy as np
import pytest

from bench.compare.differences import FREQUENCIES
from bench.metrics.bootstrap import NAMES, replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.intervals import holm
from bench.records.store import RecordStore, Scores
from made_comparison import CLASSES, compare, made, put, rows_of, runs_of
from made_records import made_cell


def test_numbers_are_those_of_the_resamples(tmp_path: Path) -> None:
    """Two seeds each: differences of means over seeds, on the same resamples."""
    runs = [[made(seed=seed) for seed in (0, 1)], [made(seed=seed, noise=1) for seed in (2, 3)]]
    for method, scores in zip(("resnet", "ssgrl"), runs, strict=True):
        for seed, one in enumerate(scores):
            put(tmp_path, made_cell(method, seed), one)
    rows = rows_of(compare(tmp_path, "resnet", "ssgrl", "--format", "csv"))
    assert list(rows) == [*NAMES, *FREQUENCIES, *CLASSES]
    found = [
        [replicate(one.logits, one.labels, PROTOCOLS["bench"], 200) for one in scores] for scores in runs
    ]
    single = []
    for column, name in enumerate(NAMES):
        a, b = (np.mean([one.metrics[:, column] for one in side], axis=0) for side in found)
        check(rows[name], a, b)
        smaller = min((a - b <= 0)[1:].sum(), (a - b >= 0)[1:].sum())
        single.append(min(1, 2 * (1 + smaller) / 201))
    # Adjusted for the three that are looked at.
    assert [float(rows[name]["p"]) for name in NAMES] == pytest.approx(holm(np.array(single)), abs=1e-6)
    a, b = (np.mean([one.class_ap for one in side], axis=0) for side in found)
    for column, name in enumerate(CLASSES):
        check(rows[name], a[:, column], b[:, column])
        count = int((runs[0][0].labels[:, column] == 1).sum())
        assert rows[name]["fewest_positives"] == rows[name]["most_positives"] == str(count)
    # Seven classes: three are rare, two medium and two frequent.
    for name, first, last in zip(FREQUENCIES, (0, 3, 5), (3, 5, 7), strict=True):
        check(rows[name], a[:, first:last].mean(axis=1), b[:, first:last].mean(axis=1))
        assert rows[name]["fewest_positives"] == rows[CLASSES[first]]["fewest_positives"]
        assert rows[name]["most_positives"] == rows[CLASSES[last - 1]]["fewest_positives"]


def check(row: dict[str, str], a: np.ndarray, b: np.ndarray) -> None:
    for name, values in (("a", a), ("b", b), ("difference", a - b)):
        numbers = [float(row[key]) for key in (name, f"{name}_low", f"{name}_high")]
        around = values[0] + np.quantile(values[1:], [0.025, 0.975]) - values[1:].mean()
        bounds = np.clip(around, -1 if name == "difference" else 0, 1)
        assert numbers == pytest.approx(100 * np.array([values[0], *bounds]), abs=1e-5)


def test_a_better_class_wins_and_the_others_do_not(tmp_path: Path) -> None:
    scores = made()
    better = scores.logits.copy()
    better[:, 3] += 2 * scores.labels[:, 3]
    put(tmp_path, made_cell("resnet"), scores)
    put(tmp_path, made_cell("salgl"), Scores(scores.ids, better, scores.labels))
    result = compare(tmp_path, "resnet", "salgl")
    assert result.exit_code == 0, result.output
    assert "- SALGL wins 1 class: cat\n" in result.stdout
    assert "- ResNet baseline wins 0 classes: none\n" in result.stdout
    assert "ResNet baseline is higher in 0 and lower in 1 of 7 classes" in result.stdout
    rows = rows_of(compare(tmp_path, "resnet", "salgl", "--format", "csv"))
    assert [name for name in CLASSES if rows[name]["winner"] == "b"] == ["cat"]
    assert all(rows[name]["p"] == "1.000000" for name in CLASSES if name != "cat")
    assert rows["mAP"]["winner"] == "b" and float(rows["mAP"]["difference_high"]) < 0
    assert [rows[name]["winner"] for name in FREQUENCIES] == ["", "b", ""]
    many = compare(tmp_path, "resnet", "salgl", "--resamples", "1100").stdout
    assert re.search(r"\ncat .* < 0\.001\n", many) and re.search(r"\nbus .* 1\.000\n", many)
    # The other way round everything changes its sign and nothing else.
    turned = rows_of(compare(tmp_path, "salgl", "resnet", "--format", "csv"))
    for name, row in rows.items():
        other = turned[name]
        assert (other["a"], other["b"], other["p"]) == (row["b"], row["a"], row["p"])
        assert other["winner"] == row["winner"].replace("b", "a")
        assert float(other["difference_low"]) == pytest.approx(-float(row["difference_high"]), abs=2e-6)


def test_text_and_markdown_say_the_conditions_and_mark_the_winner(tmp_path: Path) -> None:
    put(tmp_path, made_cell("resnet"), made(noise=3))
    put(tmp_path, made_cell("ml-gcn"), made(noise=0.5, seed=1))
    text = compare(tmp_path, "resnet", "ml-gcn").stdout
    assert text.startswith("voc2007: ResNet baseline against ML-GCN\n")
    for part in (
        f"protocol: bench — {PROTOCOLS['bench'].describe()}",
        "schedule: made — resnet18",
        "95%, from 200 bootstrap resamples",
        "ML-GCN wins 7 classes: boat, dog",
    ):
        assert part in text
    (line,) = (line for line in text.splitlines() if line.startswith("mAP "))
    number = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    difference = r"−\d+\.\d\d \[−\d+\.\d\d, −\d+\.\d\d\]"
    assert re.fullmatch(rf"mAP +{number} +{number} \* +{difference} +0\.030", line)
    assert "not the methods alone differ" not in text
    markdown = compare(tmp_path, "resnet", "ml-gcn", "--format", "md").stdout
    assert re.search(rf"\| mAP +\| +{number} \| +\*\*{number}\*\* \| +{difference} \| 0\.030 \|", markdown)


@pytest.mark.parametrize("form", ["text", "md", "csv", "tex", "html"])
def test_equal_records_give_equal_bytes(form: str, tmp_path: Path) -> None:
    runs_of(tmp_path, made_cell("resnet"), made_cell("salgl"))
    arguments = ("resnet", "salgl", "--format", form)
    first = compare(tmp_path, *arguments)
    assert first.exit_code == 0 and "mAP" in first.stdout
    kept = compare(tmp_path, *arguments)
    for path in (tmp_path / "work" / "bootstrap").iterdir():
        path.unlink()
    again = compare(tmp_path, *arguments)
    assert first.stdout_bytes == kept.stdout_bytes == again.stdout_bytes


def test_another_protocol_is_measured_from_the_scores(tmp_path: Path) -> None:
    cells = made_cell("resnet"), made_cell("salgl", protocol=PROTOCOLS["ssgrl"])
    runs_of(tmp_path, *cells)
    refused = compare(tmp_path, cells[0].run_id(), cells[1].run_id())
    assert (
        refused.exit_code == 2 and "protocol (bench, ssgrl; --protocol NAME measures both" in refused.stderr
    )
    rows = rows_of(compare(tmp_path, "resnet", "salgl", "--protocol", "salgl", "--format", "csv"))
    for column, cell in (("a", cells[0]), ("b", cells[1])):
        store = RecordStore(tmp_path / "results")
        scores = store.scores(store.find(cell.run_id()))
        wanted = evaluate(scores.logits, scores.labels, PROTOCOLS["salgl"])
        for name in NAMES:
            assert float(rows[name][column]) == pytest.approx(100 * wanted.value(name), abs=1e-5)
    assert rows["mAP"]["protocol"] == "salgl"
    # Runs that differed in their protocol alone are one under another.
    runs_of(tmp_path, made_cell("resnet", protocol=PROTOCOLS["ssgrl"]))
    again = rows_of(compare(tmp_path, "resnet", "salgl", "--protocol", "salgl", "--format", "csv"))
    assert len(again["mAP"]["runs_a"].split()) == 1


def test_classes_with_too_few_positives_are_not_tested(tmp_path: Path) -> None:
    runs = [made(), made(seed=1)]
    for scores in runs:
        scores.labels[:, 0] = -1
        scores.labels[:4, 0] = 1
        scores.labels[:, 2] = -1
    put(tmp_path, made_cell("resnet"), runs[0])
    put(tmp_path, made_cell("salgl"), runs[1])
    text = compare(tmp_path, "resnet", "salgl").stdout
    assert "- not tested, fewer than 5 positive test labels: boat, person\n" in text
    assert "- p: adjusted for the 5 classes tested" in text
    assert re.search(r"\nboat +4 +\S.* –\n", text) and re.search(r"\nperson +0 +– +– +– +–\n", text)
    # A class without positives is in no third: six are left.
    assert "\nrare (2) " in text and "\nfrequent (2) " in text


def test_two_runs_of_one_method_are_called_by_their_names(tmp_path: Path) -> None:
    cells = made_cell("resnet", 0), made_cell("resnet", 1)
    runs_of(tmp_path, *cells)
    text = compare(tmp_path, *(cell.run_id() for cell in cells), data=None).stdout
    assert text.startswith(f"voc2007: {cells[0].run_id()} against {cells[1].run_id()}\n")


def test_a_third_with_a_class_of_few_positives_is_not_tested(tmp_path: Path) -> None:
    """Its classes are not either; and p of the other thirds is adjusted for those that are."""

    def rare(scores: Scores) -> Scores:
        labels = scores.labels.copy()
        positive = np.flatnonzero(labels[:, 0] == 1)
        labels[positive[4:], 0] = -1
        return Scores(scores.ids, scores.logits, labels)

    put(tmp_path, made_cell("resnet"), rare(made(noise=3)))
    put(tmp_path, made_cell("ml-gcn"), rare(made(noise=0.5, seed=1)))
    rows = rows_of(compare(tmp_path, "resnet", "ml-gcn", "--format", "csv"))
    first, *others = (rows[name] for name in FREQUENCIES)
    assert (first["fewest_positives"], first["p"], first["winner"]) == ("4", "", "")
    assert rows[CLASSES[0]]["p"] == "" and float(first["difference_high"]) < 0, "though it looks clear"
    assert [row["winner"] for row in others] == ["b", "b"]
    # The least p of 200 resamples, for two that are tested.
    assert [float(row["p"]) for row in others] == pytest.approx([2 * 2 / 201] * 2, abs=1e-6)
    text = compare(tmp_path, "resnet", "ml-gcn").stdout
    assert "a third with a class of fewer than 5 positive test labels is not" in text
