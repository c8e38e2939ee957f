"""`bench profile engine` trains by the engine and by a bare loop in turn, with the same images."""

import re
from pathlib import Path

import pytest
import torch

from bench.engine.planning.machine import Machine
from bench.experiment.methods import parse_methods
from bench.methods.catalog import METHODS
from bench.profile import engine
from bench.profile.engine import Training, measure_engine
from bench.profile.photographs import make_photographs
from bench.profile.report import load
from bench_command import NARROW, SALGL, TDRG, bench

CPU = Machine(torch.device("cpu"), 0, compiled=False)
SMALL = ("--backbone", "timm/test_byobnet", "--image-size", "32", "--batch", "4", "--steps", "2")


@pytest.mark.slow
def test_the_command_measures_methods_and_writes_what_it_found(tmp_path: Path) -> None:
    names = ("resnet", f"{SALGL}/soft=True", TDRG)
    asked = ("--methods", ",".join(names), "--repeats", "2", "--device", "cpu")
    done = bench(tmp_path, None, "profile", "engine", *SMALL, *asked, "--out", "engine.json")
    assert done.exit_code == 0, done.output
    report = load(tmp_path / "engine.json")
    assert report.part == "engine" and len(report.figures) == 3
    for method, figure in zip(names, report.figures, strict=True):
        assert figure.what == f"{method}: a training step, timm/test_byobnet at 32, batch 4, fp32"
        assert len(figure.values) == len(figure.beside) == 2 and min(figure.values + figure.beside) > 0
        assert figure.least == 0.97 and figure.times()
    assert len(re.findall(r"\d times as fast; at least 0.97 is aimed at, (NOT )?kept", done.output)) == 3
    assert "0 processes load images." in done.output


def test_both_train_the_same_images_and_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    for owner, name, place in ((engine, "engine", 1), (engine.BareLoop, "loop", 2)):
        plain = owner.train_epoch  # type: ignore[attr-defined]

        def noted(*args: object, name: str = name, place: int = place, plain: object = plain) -> None:
            seen.append((name, int(args[place])))  # type: ignore[call-overload]
            plain(*args)  # type: ignore[operator]

        monkeypatch.setattr(owner, "train_epoch", noted)
    index = make_photographs(tmp_path, 4)
    (choice,) = parse_methods(("resnet",))
    measure_engine(choice, Training("timm/test_byobnet", 32, 2, 2, "fp32"), index, CPU, repeats=2)
    assert [epoch for _, epoch in seen] == [0, 0, 1, 1, 2, 2]
    assert seen[1][0] == seen[2][0] == "engine" and seen[3][0] == seen[4][0] == "loop"


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_measured(method: str, tmp_path: Path) -> None:
    index = make_photographs(tmp_path, 2)
    (choice,) = parse_methods((NARROW.get(method, method),))
    found = measure_engine(choice, Training("timm/test_byobnet", 32, 2, 1, "bf16"), index, CPU, repeats=1)
    assert len(found.values) == 1 and found.times()


@pytest.mark.parametrize("method", ["resnet", pytest.param(TDRG, marks=pytest.mark.slow)])
def test_heads_alone_are_measured_on_stored_features(method: str, tmp_path: Path) -> None:
    size = ("--backbone", "timm/test_byobnet", "--image-size", "64", "--batch", "2", "--steps", "2")
    asked = ("--stored-features", "--methods", method, "--repeats", "1", "--device", "cpu")
    done = bench(tmp_path, None, "profile", "engine", *size, *asked, "--out", "engine.json")
    assert done.exit_code == 0, done.output
    (figure,) = load(tmp_path / "engine.json").figures
    assert figure.what == (
        f"{method}: a training step, stored features of timm/test_byobnet at 64, batch 2, fp32"
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--precision", "fp64"), ("--steps", "0"), ("--device", "tpu"), ("--methods", "x")]
)
def test_a_wrong_option_is_named(option: str, value: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "engine", option, value)
    assert done.exit_code == 2 and value in done.output, done.output


def test_a_wrong_backbone_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "engine", "--backbone", "resnet1O1", "--methods", "resnet")
    assert done.exit_code == 2 and "Unknown backbone 'resnet1O1'" in done.output, done.output
