"""What `bench compare` finds and prints."""

import re
from pathlib import Path

import numpy as np
import pytest

from bench.compare.choose import Pair
from bench.compare.differences import FREQUENCIES, usual_resamples
from bench.metrics.bootstrap import NAMES, Replicates, replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.metrics.uncertainty import holm
from bench.records.store import RecordStore, Scores
from made_comparison import CLASSES, compare, made, put, rows_of, runs_of
from made_records import made_cell
from plain_crossed import crossed


def three(folder: Path, method: str, noise: float = 1.5, first: int = 0) -> list[Scores]:
    """Store a method at three seeds; gives their scores."""
    runs = [made(noise=noise, seed=first + seed) for seed in range(3)]
    for seed, scores in enumerate(runs):
        put(folder, made_cell(method, seed), scores)
    return runs


def resampled(runs: list[Scores]) -> list[Replicates]:
    return [replicate(one.logits, one.labels, PROTOCOLS["bench"], 200) for one in runs]


def test_numbers_are_those_of_the_resamples(tmp_path: Path) -> None:
    """Differences of means over seeds, on the same resamples, with the spread over seeds."""
    runs = [three(tmp_path, "resnet"), three(tmp_path, "ssgrl", noise=1, first=3)]
    rows = rows_of(compare(tmp_path, "resnet", "ssgrl", "--format", "csv"))
    assert list(rows) == [*NAMES, *FREQUENCIES, *CLASSES]
    found = [resampled(side) for side in runs]
    # Seven classes: three are rare, two medium and two frequent.
    thirds = dict(zip(FREQUENCIES, (slice(0, 3), slice(3, 5), slice(5, 7)), strict=True))
    values = {
        **{name: [[one.metrics[:, k] for one in side] for side in found] for k, name in enumerate(NAMES)},
        **{
            name: [[one.class_ap[:, third].mean(axis=1) for one in side] for side in found]
            for name, third in thirds.items()
        },
    }
    single = [check(rows[name], *sides) for name, sides in values.items()]
    # Adjusted for the six that are looked at.
    adjusted = [float(rows[name]["p"]) for name in values]
    assert adjusted == pytest.approx(holm(np.array(single)), abs=1e-6)
    alone = []
    for column, name in enumerate(CLASSES):
        alone.append(check(rows[name], *([one.class_ap[:, column] for one in side] for side in found)))
        count = int((runs[0][0].labels[:, column] == 1).sum())
        assert rows[name]["fewest_positives"] == rows[name]["most_positives"] == str(count)
    assert [float(rows[name]["p"]) for name in CLASSES] == pytest.approx(holm(np.array(alone)), abs=1e-6)
    for name, third in thirds.items():
        assert rows[name]["fewest_positives"] == rows[CLASSES[third.start]]["fewest_positives"]
        assert rows[name]["most_positives"] == rows[CLASSES[third.stop - 1]]["fewest_positives"]


def check(row: dict[str, str], a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Compare a row with plain loops over seeds and resamples; gives p, which is not yet adjusted."""
    one, other = ([values.tolist() for values in side] for side in (a, b))
    sides = {"a": (one,), "b": (other,), "difference": (one, other)}
    for name, methods in sides.items():
        numbers = [float(row[key]) for key in (name, f"{name}_low", f"{name}_high")]
        value, low, high, p = crossed(*methods)
        bounds = np.clip([low, high], -1 if name == "difference" else 0, 1)
        assert numbers == pytest.approx(100 * np.array([value, *bounds]), abs=1e-5)
    return p


def test_a_better_class_wins_and_the_others_do_not(tmp_path: Path) -> None:
    for seed, scores in enumerate(three(tmp_path, "resnet")):
        better = scores.logits.copy()
        better[:, 3] += 2 * scores.labels[:, 3]
        put(tmp_path, made_cell("salgl", seed), Scores(scores.ids, better, scores.labels))
    result = compare(tmp_path, "resnet", "salgl")
    assert result.exit_code == 0, result.output
    assert "- SALGL wins 1 class: cat\n" in result.stdout
    assert "- ResNet baseline wins 0 classes: none\n" in result.stdout
    assert "ResNet baseline is higher in 0 and lower in 1 of 7 classes" in result.stdout
    assert re.search(r"\ncat .* < 0\.001\n", result.stdout) and re.search(r"\nbus .* 1\.000\n", result.stdout)
    rows = rows_of(compare(tmp_path, "resnet", "salgl", "--format", "csv"))
    assert [name for name in CLASSES if rows[name]["winner"] == "b"] == ["cat"]
    assert all(float(rows[name]["p"]) == 1 for name in CLASSES if name != "cat")
    assert [rows[name]["winner"] for name in FREQUENCIES] == ["", "b", ""]
    # The other way round everything changes its sign and nothing else.
    turned = rows_of(compare(tmp_path, "salgl", "resnet", "--format", "csv"))
    for name, row in rows.items():
        other = turned[name]
        assert (other["a"], other["b"], other["p"]) == (row["b"], row["a"], row["p"])
        assert other["winner"] == row["winner"].replace("b", "a")
        assert float(other["difference_low"]) == pytest.approx(-float(row["difference_high"]), abs=2e-6)


@pytest.mark.parametrize("seeds", [1, 2])
def test_with_fewer_than_three_seeds_nothing_wins(seeds: int, tmp_path: Path) -> None:
    for seed in range(seeds):
        put(tmp_path, made_cell("resnet", seed), made(noise=3, seed=seed))
        put(tmp_path, made_cell("ml-gcn", seed), made(noise=0.5, seed=seed))
    text = compare(tmp_path, "resnet", "ml-gcn").stdout
    assert "- not tested: a method has fewer than 3 seeds, so there is no p and no winner\n" in text
    assert ("- one seed: images only: ResNet baseline, ML-GCN\n" in text) == (seeds == 1)
    assert "*" not in text.partition("* wins")[0] and " wins " not in text.partition("* wins")[0]
    rows = rows_of(compare(tmp_path, "resnet", "ml-gcn", "--format", "csv"))
    assert {row["p"] + row["winner"] for row in rows.values()} == {""}
    assert float(rows["mAP"]["difference_high"]) < 0, "though it looks clear"


def test_the_label_frequency_has_no_seed_to_lack(tmp_path: Path) -> None:
    three(tmp_path, "resnet", noise=0.5)
    put(tmp_path, made_cell("prior"), made(noise=9, seed=8))
    text = compare(tmp_path, "prior", "resnet").stdout
    assert "one seed" not in text and re.search(r"\nmAP .* \* .* < 0\.001\n", text)


def test_text_and_markdown_say_the_conditions_and_mark_the_winner(tmp_path: Path) -> None:
    three(tmp_path, "resnet", noise=3)
    three(tmp_path, "ml-gcn", noise=0.5, first=3)
    text = compare(tmp_path, "resnet", "ml-gcn").stdout
    assert text.startswith("voc2007: ResNet baseline against ML-GCN\n")
    for part in (
        f"protocol: bench — {PROTOCOLS['bench'].describe()}",
        "schedule: made — resnet18",
        "95% interval over seeds and test images together (crossed random effects, 200 bootstrap resamples)",
        "mAP: mean over 7 of 7 classes, each with 24 positives or more; it estimates the expected mAP on",
        "ML-GCN wins 7 classes: boat, dog",
    ):
        assert part in text
    (line,) = (line for line in text.splitlines() if line.startswith("mAP "))
    number = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    difference = r"−\d+\.\d\d \[−\d+\.\d\d, −\d+\.\d\d\]"
    assert re.fullmatch(rf"mAP +{number} +{number} \* +{difference} +< 0\.001", line)
    assert "not the methods alone differ" not in text
    markdown = compare(tmp_path, "resnet", "ml-gcn", "--format", "md").stdout
    assert re.search(
        rf"\| mAP +\| +{number} \| +\*\*{number}\*\* \| +{difference} \| +&lt; 0\.001 \|", markdown
    )


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


def test_classes_with_too_few_positives_have_no_interval_and_no_test(tmp_path: Path) -> None:
    for method, first in (("resnet", 0), ("salgl", 3)):
        for seed in range(3):
            scores = made(seed=first + seed)
            scores.labels[:, 0] = -1
            scores.labels[:9, 0] = 1
            scores.labels[:, 2] = -1
            put(tmp_path, made_cell(method, seed), scores)
    text = compare(tmp_path, "resnet", "salgl").stdout
    assert "- no interval and no test, fewer than 10 positives: boat, person\n" in text
    assert "- p: likewise, adjusted for the 5 classes tested (Holm)" in text
    assert "- mAP: mean over 6 of 7 classes, 1 with fewer than 10; " in text
    assert re.search(r"\nboat +9 +\d+\.\d +\d+\.\d +[−+]\d+\.\d\d +–\n", text)
    assert re.search(r"\nperson +0 +– +– +– +–\n", text)
    # A class without positives is in no third: six are left.
    assert "\nrare (2) " in text and "\nfrequent (2) " in text


def test_two_runs_of_one_method_are_called_by_their_names(tmp_path: Path) -> None:
    cells = made_cell("resnet", 0), made_cell("resnet", 1)
    runs_of(tmp_path, *cells)
    text = compare(tmp_path, *(cell.run_id() for cell in cells), data=None).stdout
    assert text.startswith(f"voc2007: {cells[0].run_id()} against {cells[1].run_id()}\n")


def test_a_third_with_a_class_of_few_positives_is_not_tested(tmp_path: Path) -> None:
    """Its classes are not either; and p of the rest is adjusted for those that are."""
    runs = {"resnet": [made(noise=3, seed=seed) for seed in range(3)]}
    runs["ml-gcn"] = [made(noise=0.5, seed=3 + seed) for seed in range(3)]
    for method, of_method in runs.items():
        for seed, scores in enumerate(of_method):
            scores.labels[np.flatnonzero(scores.labels[:, 0] == 1)[9:], 0] = -1
            put(tmp_path, made_cell(method, seed), scores)
    rows = rows_of(compare(tmp_path, "resnet", "ml-gcn", "--format", "csv"))
    first, *others = (rows[name] for name in FREQUENCIES)
    assert (first["fewest_positives"], first["p"], first["winner"]) == ("9", "", "")
    assert rows[CLASSES[0]]["p"] == "" and float(first["difference_high"]) < 0, "though it looks clear"
    assert [row["winner"] for row in others] == ["b", "b"]
    text = compare(tmp_path, "resnet", "ml-gcn").stdout
    assert "adjusted for the 5 tested (Holm)" in text
    assert "a third with a class of fewer than 10 positives is not tested" in text


def test_small_test_sets_take_more_resamples_unless_told(tmp_path: Path) -> None:
    """A p near 0.05 has to hold still; of MS-COCO 10,000 would take minutes a run."""
    record = RecordStore(tmp_path / "results").find(put(tmp_path, made_cell("resnet", 0), made()))
    assert usual_resamples(Pair((record,), (record,), ())) == 10_000
    coco = record.data.model_copy(update={"eval_images": 40_137, "classes": tuple(map(str, range(80)))})
    large = record.model_copy(update={"data": coco})
    assert usual_resamples(Pair((large,), (large,), ())) == 1_000
