"""How long a matrix takes, after records of like runs on this machine."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.engine.planning.estimate import estimate
from bench.engine.planning.plan import Cell
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.vectors.source import LABEL_SETS
from bench.records.store import RecordStore
from bench_command import TINY, bench
from made_records import ENVIRONMENT, SCHEDULE, made_cell, made_cost, made_data, made_record, store_made
from trees import write_voc


def planned(method: str, **schedule: Any) -> Cell:
    spec = made_cell(method, schedule=SCHEDULE.model_copy(update=schedule))
    return Cell(spec, made_data(), RANDOM, None, LABEL_SETS, "to run", False)


def test_training_and_evaluation_are_added_up(tmp_path: Path) -> None:
    cost = made_cost(train_images_per_second=9, eval_images_per_second=3)
    store_made(tmp_path, made_cell("resnet"), cost=cost)
    # 18 training and 6 test images; every epoch is evaluated, and one that is chosen again.
    found = estimate([planned("resnet", epochs=4)], RecordStore(tmp_path).all(), "a CPU")
    assert found.seconds == pytest.approx(4 * 18 / 9 + 4 * 6 / 3) and (found.known, found.unknown) == (1, ())
    once = estimate([planned("resnet", epochs=4, evaluate_every=0)], RecordStore(tmp_path).all(), "a CPU")
    assert once.seconds == pytest.approx(4 * 18 / 9 + 6 / 3)
    marks = {
        "epochs": 4,
        "evaluate_every": 0,
        "evaluate_at": (0.5, 0.75),
        "ema_beside": 0.9,
        "select": "best",
    }
    more = estimate([planned("resnet", **marks)], RecordStore(tmp_path).all(), "a CPU")
    assert more.seconds == pytest.approx(4 * 18 / 9 + (3 + 2) * 6 / 3)


def test_only_like_runs_on_this_device_count(tmp_path: Path) -> None:
    store_made(tmp_path, made_cell("resnet"), made_cell("salgl"))
    elsewhere = ENVIRONMENT.model_copy(update={"device_name": "another"})
    store_made(tmp_path, made_cell("ssgrl"), environment=elsewhere)
    cells = [planned(name) for name in ("prior", "resnet", "resnet/pool=max", "ssgrl")]
    cells.append(planned("salgl", image_size=128))
    found = estimate(cells, RecordStore(tmp_path).all(), "a CPU")
    assert found.known == 2 and found.unknown == ("resnet/pool=max", "ssgrl", "salgl")


def test_of_drawn_options_a_run_with_others_counts_where_none_has_the_same(tmp_path: Path) -> None:
    for options, rate in (("", 9), ("/tau=0.2", 18)):
        cost = made_cost(train_images_per_second=rate, eval_images_per_second=1e9)
        store_made(tmp_path, made_cell(f"ml-gcn{options}"), cost=cost)
    drawn = [planned(f"ml-gcn/{options}", epochs=1) for options in ("tau=0.3", "tau=0.2")]
    records = list(RecordStore(tmp_path).all())
    assert estimate(drawn, records, "a CPU").unknown == ("ml-gcn/tau=0.3",)
    assert estimate(drawn[1:], records, "a CPU", drawn=True).seconds == pytest.approx(18 / 18)
    assert estimate(drawn, records, "a CPU", drawn=True).known == 2
    assert estimate([planned("salgl")], records, "a CPU", drawn=True).unknown == ("salgl",)


def test_the_latest_record_counts(tmp_path: Path) -> None:
    for seed, rate, year in ((0, 100, 2031), (1, 1, 2030)):
        cost = made_cost(train_images_per_second=rate, eval_images_per_second=1e9)
        store_made(tmp_path, made_cell("resnet", seed), cost=cost, created=f"{year}-01-01T00:00:00+00:00")
    assert estimate([planned("resnet", epochs=1)], RecordStore(tmp_path).all(), "a CPU").seconds < 1


def test_a_run_of_one_epoch_counts_where_there_is_no_other(tmp_path: Path) -> None:
    cell = planned("resnet", epochs=1)
    cost = made_cost(train_images_per_second=1, eval_images_per_second=1e9)
    (epoch, _) = made_record(made_cell("resnet"))[0].history
    later = "2031-01-01T00:00:00+00:00"
    store_made(tmp_path, made_cell("resnet", 1), cost=cost, created=later, history=(epoch,), selected_epoch=0)
    assert estimate([cell], RecordStore(tmp_path).all(), "a CPU").seconds == pytest.approx(18)
    warm = made_cost(train_images_per_second=9, eval_images_per_second=1e9)
    store_made(tmp_path, made_cell("resnet"), cost=warm)
    assert estimate([cell], RecordStore(tmp_path).all(), "a CPU").seconds == pytest.approx(2)


@pytest.mark.parametrize("speed", ["train_images_per_second", "eval_images_per_second"])
def test_a_record_that_says_that_nothing_moves_tells_nothing(speed: str, tmp_path: Path) -> None:
    store_made(tmp_path, made_cell("resnet"), cost=made_cost(**{speed: 0.0}))
    found = estimate([planned("resnet")], RecordStore(tmp_path).all(), "a CPU")
    assert (found.known, found.unknown) == (0, ("resnet",))


@pytest.mark.slow
def test_a_dry_run_says_it(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    asked = ("run", *TINY, "--methods", "resnet", "--epochs")
    unknown = bench(tmp_path, tmp_path / "data", *asked, "1", "--dry-run")
    assert "How long that takes is not known: results has no run like these of this cpu." in unknown.stdout
    assert bench(tmp_path, tmp_path / "data", *asked, "1").exit_code == 0
    known = bench(tmp_path, tmp_path / "data", *asked, "2000", "--dry-run").stdout
    said = r"2 of these runs take about .* (s|min) on this cpu, after records of like runs\.\n$"
    assert re.search(said, known), known
    assert "nothing is known of" not in known
    more = bench(tmp_path, tmp_path / "data", *asked, "2000", "--dry-run", "--methods", "resnet,salgl").stdout
    assert "2 of these runs take about " in more and "; nothing is known of salgl." in more
    done = bench(tmp_path, tmp_path / "data", *asked, "1", "--dry-run").stdout
    assert "0 of 2 runs to do" in done and "take" not in done


def test_cells_of_several_sizes(tmp_path: Path) -> None:
    store_made(tmp_path, made_cell("resnet"))
    small, large = planned("resnet"), replace(planned("resnet"), dataset=made_data(180))
    one, ten = (estimate([cell], RecordStore(tmp_path).all(), "a CPU").seconds for cell in (small, large))
    assert ten > 5 * one


@pytest.mark.slow
def test_a_dry_run_names_what_would_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def planned(*options: str) -> str:
        asked = ("run", "--data", "voc2007", "--methods", "resnet", "--dry-run", *options)
        return bench(tmp_path, tmp_path / "data", *asked).output

    shown = planned()
    assert re.search(
        r"To be downloaded: weights 'imagenet1k_v1' of resnet101: http\S+/resnet101-\w+\.pth\.\n", shown
    )
    name = re.findall(r"/(resnet101-\w+\.pth)", shown)[0]
    (tmp_path / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "torch" / "hub" / "checkpoints" / name).touch()
    for options in ((), ("--weights", "none"), ("--schedule", "frozen")):
        assert "downloaded" not in planned(*options)
    timm = planned("--backbone", "timm/test_vit", "--weights", "pretrained")
    assert "To be downloaded: weights 'pretrained' of timm/test_vit: " in timm
    assert "Unknown backbone 'resnet1O1'" in planned("--backbone", "resnet1O1", "--weights", "none")
