"""`bench tune` from the trials to the test split, killed and gone on with, and refused where it must be."""

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from statistics import fmean

import pytest

from bench.engine.running.code import code_digest
from bench.experiment.methods import parse_methods
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tune.design import load_design
from bench.tune.outcome import MethodOutcome, outcomes
from bench_command import TINY, bench, own_environment, own_process
from trees import write_voc

ASKED = ("tune", "--methods", "resnet,ml-gcn", "--schedule", "frozen", "--epochs", "1", *TINY)
TUNE = (*ASKED, "--trials", "4", "--seeds", "0,1,2")


def records(results: Path) -> list[Record]:
    return [record for record in RecordStore(results).all() if isinstance(record, Record)]


def found(results: Path) -> list[MethodOutcome]:
    folder = results / "tunes" / "voc2007-frozen"
    design = load_design(folder)
    assert design is not None
    return outcomes(design, RecordStore(folder), parse_methods(("resnet", "ml-gcn")))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    write_voc(folder / "data", train=40, test=8)
    done = bench(folder, folder / "data", *TUNE)
    assert done.exit_code == 0, done.output
    assert "| ml-gcn" in done.stdout and "chosen values" in done.stdout
    return folder


def test_every_trial_is_a_run_on_the_validation_split(tuned: Path) -> None:
    trials = records(tuned / "results" / "tunes" / "voc2007-frozen")
    assert {record.cell.split for record in trials} == {"validation"}
    # 4 trials of 2 methods, the best three of each with two more seeds, and the prior.
    assert len(trials) == 4 * 2 + 3 * 2 * 2 + 1
    assert all(record.cell.tuned is None for record in trials)


def test_trials_keep_their_scores_and_no_ap_of_each_class(tuned: Path) -> None:
    folder = tuned / "results" / "tunes" / "voc2007-frozen"
    for record in records(folder):
        assert record.metrics is not None and record.metrics.per_class_ap == ()
        assert RecordStore(folder).scores(record).logits.shape[1] == len(record.data.classes)
    here = ("--results", str(folder.relative_to(tuned)))
    for command in (
        ("show", records(folder)[-1].run_id),
        ("verify", records(folder)[-1].run_id),
        ("tables", "voc2007-per-class", "voc2007-comparison"),
        ("leaderboard",),
    ):
        done = bench(tuned, None, *command, *here)
        assert done.exit_code == 0, done.output
    assert all(record.metrics.per_class_ap for record in records(tuned / "results") if record.metrics)


def test_the_best_mean_of_the_best_three_is_chosen(tuned: Path) -> None:
    design = load_design(tuned / "results" / "tunes" / "voc2007-frozen")
    assert design is not None
    for outcome in found(tuned / "results"):
        first = {trial.number: trial.scores[0] for trial in outcome.trials}
        again = [trial for trial in outcome.trials if len(trial.scores) == 3]
        assert min(first[trial.number] for trial in again) >= max(
            (score for number, score in first.items() if number not in {t.number for t in again}), default=0
        )
        chosen = outcome.chosen(design)
        assert chosen is not None and chosen.mean == max(trial.mean for trial in again)


def test_what_was_chosen_is_trained_on_everything_and_tested_once(tuned: Path) -> None:
    final = records(tuned / "results")
    assert {record.cell.split for record in final} == {"test"}
    assert len({record.cell.conditions() for record in final}) == 1, "one group"
    assert {record.data.train_images for record in final} == {40}
    for outcome in found(tuned / "results"):
        rows = [record for record in final if record.cell.row() == outcome.method.label()]
        assert sorted(record.cell.seed for record in rows) == [0, 1, 2]
        design = load_design(tuned / "results" / "tunes" / "voc2007-frozen")
        chosen = outcome.chosen(design) if design else None
        assert chosen is not None
        for record in rows:
            assert record.cell.method == chosen.method
            assert {name: getattr(record.cell.schedule, name) for name in chosen.fields} == chosen.fields | (
                {"loss": record.cell.schedule.loss} if "loss" in chosen.fields else {}
            )
    assert [record.cell.seed for record in final if record.cell.row() == "prior"] == [0]


def test_tables_show_tuned_and_untuned_apart_and_show_prints_the_values(tuned: Path) -> None:
    run = ("run", *ASKED[1:])
    assert bench(tuned, tuned / "data", *run, "--seeds", "0,1,2").exit_code == 0
    printed = bench(tuned, None, "tables", "voc2007-comparison").stdout
    assert "frozen, tuned, 4 trials each" in printed and printed.count("| ML-GCN ") == 2
    assert "tuned: loss, lr, weight_decay, and options of the methods" in printed
    final = [one for one in records(tuned / "results") if one.cell.tuned]
    (record, *_) = (one for one in final if one.cell.row() == "ml-gcn")
    shown = bench(tuned, None, "show", record.run_id).stdout
    assert all(f"{name} {value}" in shown for name, value in record.cell.chosen().items())
    both = bench(tuned, None, "compare", "ml-gcn", "resnet", "--data", "voc2007")
    assert both.exit_code == 2 and "frozen, tuned, 4 trials each" in both.output, "a choice of two groups"
    runs = (",".join(r.run_id for r in final if r.cell.row() == name) for name in ("ml-gcn", "resnet"))
    compared = bench(tuned, None, "compare", *runs)
    assert compared.exit_code == 0, compared.output


def test_a_table_has_untuned_and_tuned_side_by_side_with_the_gain(tuned: Path) -> None:
    run = ("run", *ASKED[1:])
    assert bench(tuned, tuned / "data", *run, "--seeds", "0,1,2").exit_code == 0
    done = bench(tuned, None, "tables", "tuned")
    assert done.exit_code == 0, done.output
    assert "| Label frequency" not in done.stdout, "nothing tunes it"
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| ML-GCN ")]
    _, _, chosen, untuned, after, gain, _ = (cell.strip() for cell in row.split("|"))
    final = [one for one in records(tuned / "results") if one.cell.row() == "ml-gcn"]

    def mean(tuned: bool) -> float:
        return 100 * fmean(
            one.metrics.mAP for one in final if one.metrics and (one.cell.tuned is not None) == tuned
        )

    assert untuned.startswith(f"{mean(False):.1f} ± ") and after.startswith(f"{mean(True):.1f} ± ")
    assert gain.startswith(f"{mean(True) - mean(False):+.1f}".replace("-", "−")) and "[" in gain
    (one, *_) = (one for one in final if one.cell.tuned)
    assert f"lr {one.cell.schedule.lr:.3g}" in chosen and "hidden" not in chosen
    assert all(f"{name} " in chosen for name in one.cell.chosen())


def test_tables_write_the_reports_of_tunes_too(tuned: Path) -> None:
    report = tuned / "results" / "tunes" / "voc2007-frozen" / "report.md"
    before = report.read_text("utf-8")
    report.unlink()
    assert bench(tuned, None, "tables").exit_code == 0
    assert report.read_text("utf-8") == before
    assert (tuned / "results" / "tables" / "tuned.csv").is_file()
    assert bench(tuned, None, "leaderboard").exit_code == 0
    page = (tuned / "results" / "leaderboard" / "leaderboard.html").read_text("utf-8")
    assert 'id="tuned-part"' in page and "Chosen values" in page


@pytest.mark.parametrize(("command", "seeds"), [("tune", "0,1,2"), ("run", "0")])
def test_the_help_names_the_seeds_that_are_run(command: str, seeds: str, tmp_path: Path) -> None:
    text = " ".join(bench(tmp_path, None, command, "--help").stdout.split())
    assert f"--seeds TEXT Numbers separated by commas. [default: {seeds}]" in text


def test_the_report_is_made_from_the_records_alone(tuned: Path) -> None:
    folder = tuned / "results" / "tunes" / "voc2007-frozen"
    first = (folder / "report.md").read_text("utf-8")
    (folder / "report.md").unlink()
    done = bench(tuned, None, "tune", "--report", "--name", "voc2007-frozen")
    assert done.exit_code == 0 and (folder / "report.md").read_text("utf-8") == first
    assert (
        "4 trials each, drawn from seed 0" in first and "weight_decay from 0.001 to 3 (log-uniform)" in first
    )
    assert "What mattered" not in first and "![" not in first
    assert "Fewer than 4 drawn trials say nothing of tuning curves and of what mattered." in first
    assert "- no trial sees an image of the test split\n" in first
    assert "ml-gcn: 0, 1, 2; resnet: 0, 1, 2" in first and "no winner" not in first
    named = ("--name", "voc2007-frozen")
    for more, said in (
        ((), "--report needs --name"),
        (("--name", "other"), "there are: voc2007-frozen"),
        ((*named, "--trials", "99"), "leave out --trials"),
        ((*named, "--methods", "foo"), "leave out --methods"),
        ((*named, "--set", "lr=1"), "leave out --set"),
        ((*named, "--dry-run"), "leave out --dry-run"),
    ):
        refused = bench(tuned, None, "tune", "--report", *more)
        assert refused.exit_code == 2 and said in refused.output


def test_a_finished_tune_runs_nothing_again_and_a_method_may_be_added(tuned: Path) -> None:
    before = {record.run_id: record.created for record in records(tuned / "results")}
    again = bench(tuned, tuned / "data", *TUNE)
    assert again.exit_code == 0, again.output
    assert {record.run_id: record.created for record in records(tuned / "results")} == before
    price = bench(tuned, tuned / "data", *TUNE, "--methods", "seeds", "--dry-run").stdout
    assert (
        "21 runs of trials and of the label frequency, 30 of the best trials with more seeds, 16 of" in price
    )
    # resnet, ml-gcn and the prior are there: of the three others 4 trials, 6 runs with more seeds, 3 final.
    assert f"{3 * (4 + 6 + 3)} of 67 runs to do" in price
    assert "nothing is known of ssgrl, add-gcn, salgl" in price or "is not known" in price


def test_another_design_under_the_same_name_is_refused(tuned: Path) -> None:
    for change, said in (
        (("--design-seed", "1"), "design seed"),
        (("--trials", "5"), "trials"),
        (("--set", "weight_decay=0"), "space"),
        (("--batch-size", "8"), "schedule"),
    ):
        done = bench(tuned, tuned / "data", *TUNE, *change)
        assert done.exit_code == 2 and said in done.output and "--name" in done.output, done.output
        assert "\n" not in done.stderr.strip().splitlines()[-1]


def test_a_dry_run_prices_all_of_a_tune_after_its_own_trials(tuned: Path) -> None:
    asked = (*TUNE, "--name", "again", "--design-seed", "1", "--epochs", "200", "--dry-run")
    price = bench(tuned, tuned / "data", *asked).stdout
    assert "9 runs of trials and of the label frequency, 12 of the best trials" in price
    assert "28 of 28 runs to do" in price
    (took,) = re.findall(r"28 of these runs take about (\d+) (s|min) on this cpu", price)
    # Records of one epoch say how fast: 27 trainings of 20 or 40 images, 200 times.
    rates = [one.cost.train_images_per_second for one in records(tuned / "results") if one.cost]
    images = 200 * (20 * 20 + 6 * 40)
    seconds = int(took[0]) * (60 if took[1] == "min" else 1)
    assert images / max(rates) / 2 < seconds < 2 * images / min(rates) + 60, (price, rates)


def test_the_disk_that_is_foretold_is_what_is_taken(tuned: Path) -> None:
    price = bench(tuned, tuned / "data", *TUNE, "--name", "other", "--design-seed", "1", "--dry-run").stdout
    (models,) = re.findall(r"That takes about .* of the disk \(models ([\d.]+) MB", price)
    kept = {
        path.parent.name: path.stat().st_size
        for path in (tuned / "work" / "runs").glob("*/model.safetensors")
    }
    sizes = {
        name: [size for run, size in kept.items() if f"-{name}-s" in run] for name in ("resnet", "ml-gcn")
    }
    # 4 trials, 6 runs with more seeds and 3 final ones of each.
    assert float(models) == pytest.approx(sum(13 * max(size) for size in sizes.values()) / 1e6, rel=0.05)


def test_a_checkpoint_is_foretold_without_the_moments_of_what_is_not_trained(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=8)
    asked = (*ASKED, "--methods", "resnet", "--trials", "2", "--backbone", "resnet18", "--dry-run")
    asked = (*asked, "--set", "crop=none", "--set")
    parts = ("all", "after-first-stage", "last-stage", "none")
    prices = [bench(tmp_path, tmp_path / "data", *asked, f"trained_backbone={part}").stdout for part in parts]
    sizes = [float(re.findall(r"a checkpoint ([\d.]+) MB", price)[0]) for price in prices[:3]]
    # Two moments of four bytes each: of conv1, bn1 and layer1, then also of layer2 and layer3.
    first, middle = 9536 + 147_968, 525_568 + 2_099_712
    assert sizes[0] - sizes[1] == pytest.approx(8 * first / 1e6, abs=0.11)
    assert sizes[1] - sizes[2] == pytest.approx(8 * middle / 1e6, abs=0.11)
    # The head alone four times: weights, average, two moments.
    assert f"a checkpoint {16 * 20 * 513 / 1e3:.1f} kB" in prices[3]


CHOOSES = ("--set", "select=best", "--set", "select_on=test", "--set", "evaluate_every=1")


def test_no_trial_sees_the_test_split_of_a_schedule_that_chooses_on_it(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=8)
    test_list = tmp_path / "data" / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    text = test_list.read_text()
    asked = (*ASKED, *CHOOSES, "--methods", "resnet", "--trials", "2", "--seeds", "0")
    test_list.unlink()
    refused = bench(tmp_path, tmp_path / "data", *asked)
    folder = tmp_path / "results" / "tunes" / "voc2007-frozen"
    trials = records(folder)
    assert len(trials) == 1 + 2 + 2 * 2, "every trial is finished without it"
    assert {record.cell.schedule.chooses_on for record in trials} == {"test"}
    held_out = (test_list.parent / "val.txt").read_text().split()
    for record in trials:
        assert RecordStore(folder).scores(record).ids.tolist() == held_out
    assert refused.exit_code == 2 and "No list" in refused.output and "test.txt" in refused.output
    assert "No list" in bench(tmp_path, tmp_path / "data", *asked, "--dry-run").output, "known beforehand"
    test_list.write_text(text)
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0, done.output
    for said in (
        "no trial sees an image of the test split",
        "the final runs choose that on the test split, as the schedule says",
        "fewer than 3 seeds of the final runs of resnet (1): nothing tests who is ahead there",
    ):
        assert f"note: {said}" in done.stdout, "before anything is trained"
        assert f"\n- {said}" in done.stdout, "and in the report"
    table = bench(tmp_path, None, "tables", "tuned").stdout
    assert "best epoch reported, chosen on the test images" in table
    assert "fewer than 3 seeds, so not tested, and no winner: ResNet baseline" in table


@pytest.mark.parametrize("changed", ["all", "ml-gcn"])
def test_trials_of_another_version_of_the_code_are_refused(
    tuned: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    def digest(method: str) -> str:
        shared, _, head = code_digest(method).partition("-")
        shared = "0" * 12 if changed == "all" else shared
        return f"{shared}-{'0' * 12 if method == changed else head}"

    monkeypatch.setattr("bench.tune.stored.code_digest", digest)
    done = bench(tuned, tuned / "data", *TUNE)
    assert done.exit_code == 2 and "another version of the code made" in done.output, done.output


def test_a_tune_that_is_killed_goes_on(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=6)
    asked = (*ASKED, "--trials", "2", "--seeds", "0")
    environment = own_environment(tmp_path, tmp_path / "data")
    process = subprocess.Popen(own_process(*asked), cwd=tmp_path, env=environment)
    folder = tmp_path / "results" / "tunes" / "voc2007-frozen"
    until = time.monotonic() + 120
    while len(records(folder)) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {record.run_id: record.created for record in records(folder)}
    assert kept
    assert bench(tmp_path, tmp_path / "data", *asked).exit_code == 0
    done = {record.run_id: record.created for record in records(folder)}
    assert kept.items() <= done.items() and len(done) == 1 + 2 * 2 * 3


def test_a_trial_whose_score_was_edited_is_not_chosen_by_and_stops_no_table(
    tuned: Path, tmp_path: Path
) -> None:
    shutil.copytree(tuned, tmp_path / "again")
    folder = tmp_path / "again"
    trial = records(folder / "results" / "tunes" / "voc2007-frozen")[0]
    file = folder / "results" / "tunes" / "voc2007-frozen" / "runs" / trial.run_id / "record.json"
    content = json.loads(file.read_text())
    content["metrics"]["mAP"] = 0.99
    file.write_text(json.dumps(content))
    why = f"The trial {trial.run_id} cannot be believed: its mAP is 99.00, and its scores give "
    refused = bench(folder, folder / "data", *TUNE)
    assert refused.exit_code == 2 and why in refused.stderr
    done = bench(folder, None, "tables")
    assert (
        done.exit_code == 0 and f"The report of the tune voc2007-frozen is not written: {why}" in done.stdout
    )
    assert "| ResNet baseline" in done.stdout


def test_a_trial_that_fails_counts_with_the_score_of_the_prior(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=6)
    (tmp_path / "mine.yaml").write_text(
        "about: learning rates that diverge\nschedule:\n  lr: {kind: uniform, low: 1.0e+30, high: 1.0e+31}\n"
    )
    asked = ("tune", "--methods", "resnet", "--schedule", "frozen", "--epochs", "2", *TINY, "--trials", "2")
    done = bench(tmp_path, tmp_path / "data", *asked, "--space", "mine.yaml", "--seeds", "0")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "results" / "tunes" / "voc2007-frozen"
    design = load_design(folder)
    assert design is not None
    (outcome,) = outcomes(design, RecordStore(folder), parse_methods(("resnet",)))
    prior = next(record for record in records(folder) if record.cell.row() == "prior")
    assert prior.metrics is not None
    assert outcome.trials[1].failed == 3 and outcome.trials[1].mean == prior.metrics.mAP


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--data", "voc2007,voc2012"), "A tune has one data set"),
        (("--set", "lr=1", "--set", "weight_decay=0", "--set", "loss=bce"), "is given, or is nothing here"),
        (("--name", "../x"), "tune"),
        (("--split", "validation"), "A tune has no --split"),
        (("--trials", "1"), "--trials 1 would tune nothing"),
        (("--lr", "1"), "it is a field of the schedule: --set lr=VALUE"),
        (("--space", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_cannot_be_tuned_is_refused(more: tuple[str, ...], said: str, tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=24, test=4)
    done = bench(tmp_path, tmp_path / "data", *TUNE, *more)
    assert done.exit_code == 2 and said in done.output, done.output
    assert not (tmp_path / "results").exists()


def test_what_is_drawn_may_have_no_effect_in_a_trial(tmp_path: Path) -> None:
    """A space that draws the optimiser draws its momentum too, which one of them alone has."""
    write_voc(tmp_path / "data", train=40, test=4)
    (tmp_path / "mine.yaml").write_text(
        "about: the optimiser\nschedule:\n  optimizer: {kind: one-of, values: [sgd, adamw]}\n"
        "  momentum: {kind: uniform, low: 0.1, high: 0.8}\n"
    )
    asked = (*TUNE, "--space", "mine.yaml", "--dry-run")
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0, done.output
    never = bench(tmp_path, tmp_path / "data", *asked, "--set", "optimizer=adam")
    assert never.exit_code == 2 and "momentum has no effect" in never.output
    given = bench(tmp_path, tmp_path / "data", *asked, "--set", "momentum=0.5")
    assert given.exit_code == 2 and "'momentum' has no effect" in given.output


def test_a_data_set_that_is_too_small_for_a_validation_split_is_refused(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=12, test=4)
    done = bench(tmp_path, tmp_path / "data", *TUNE)
    assert done.exit_code == 2 and "fewer than 10 are too few to choose on" in done.output


def test_epochs_and_batch_sizes_are_drawn_as_whole_numbers(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=4)
    small = tuple(one for one in TINY if one not in ("--batch-size", "4"))
    asked = ("tune", "--methods", "resnet", "--schedule", "frozen", *small, "--trials", "6", "--dry-run")
    (tmp_path / "mine.yaml").write_text(
        "about: whole numbers\nschedule:\n  epochs: {kind: log-uniform, low: 20, high: 40}\n"
        "  batch_size: {kind: log-uniform, low: 0.1, high: 0.5, times_default: true}\n"
    )
    done = bench(tmp_path, tmp_path / "data", *asked, "--space", "mine.yaml")
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if "validation images, " in line and "resnet," in line]
    drawn = [int(re.findall(r"(\d+) epochs", line)[0]) for line in lines]
    assert len(drawn) == 6 and len(set(drawn[1:])) > 1 and all(20 <= epochs <= 40 for epochs in drawn)
