"""`bench profile gpu`: refused without a GPU; what it is made of measures a small network on the CPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.experiment.methods import parse_methods
from bench.profile import gpu
from bench.profile.gpu import Bench, Case, Until, best_batch, measure, seen_as
from bench.profile.gpu_agreement import Agreement, Apart
from bench.profile.gpu_session import Plan, Session
from bench.profile.report import load
from bench_command import bench

CPU = torch.device("cpu")
SMALL = Bench("timm/test_byobnet", 5, CPU)
# What is held against the CPU on a GPU, with fewer labels.
REAL = Bench("resnet101", 20, CPU)
SALGL = "salgl/hidden=16/feedforward=16"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step at a time, and nothing is compiled."""
    monkeypatch.setattr(gpu, "STEPS", 1)
    monkeypatch.setattr(gpu, "WARM_UP", 1)
    monkeypatch.setattr(torch, "compile", lambda model, **how: model)


def methods(names: str) -> tuple[Any, ...]:
    return tuple(parse_methods(tuple(names.split(","))))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("options", [(), ("--device", "cpu")])
def test_without_a_gpu_one_sentence_says_so(options: tuple[str, ...], tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "gpu", *options)
    assert done.exit_code == 2 and "measures a GPU, and this is a CPU" in done.output
    assert "Traceback" not in done.output and done.output.count("\n") <= 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_is_measured(tmp_path: Path) -> None:
    small = ("--backbone", "resnet18", "--image-sizes", "64", "--batch", "2", "--methods", "salgl")
    done = bench(tmp_path, None, "profile", "gpu", *small, "--minutes", "3", "--out", "gpu.json")
    assert done.exit_code == 0, done.output
    figures = load(tmp_path / "gpu.json").figures
    assert all(figure.kept() for figure in figures if figure.unit == "relative difference")
    assert any("graphs" in figure.what for figure in figures)
    assert all("idle" in figure.bound for figure in figures if figure.what.endswith("training"))


def session(until: Until, names: str = f"{SALGL},resnet", sides: tuple[int, ...] = (32,)) -> Session:
    plan = Plan(methods(names), sides, 2, 1, ("bf16", "fp32"), product=(64, 64, 64))
    found = Session(SMALL, plan, until, lambda what: None)
    found.run()
    return found


@pytest.mark.slow
def test_everything_is_measured_and_held_against_what_it_is_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    # Batches of four are as fast as larger ones.
    monkeypatch.setattr("bench.profile.gpu_session.best_batch", lambda rate, first: (rate(4), 4)[1])
    found = session(Until.minutes(5))
    assert not found.left_out
    figures = {figure.what: figure for figure in found.figures}
    assert len(figures) == len(found.figures) == 2 * 2 * 3 + 2 * (2 * 2 * 2) + 2 * 2 * (2 * 2)
    for precision in ("fp32", "bf16"):
        for name in ("resnet", SALGL):
            for what in ("logits", "head's gradients", "backbone's gradients"):
                assert figures[f"{name} at 32, {precision}: {what} against the CPU's in float32"].kept()
    salgl = figures[f"{SALGL} at 32, batch 4, fp32, eager: training"]
    assert (salgl.against, salgl.least) == ("the baseline", 0.75) and salgl.times()
    assert "TFLOP/s, of which it reaches" in salgl.bound and "idle" not in salgl.bound
    graphs = figures["resnet at 32, batch 2, bf16, graphs: training"]
    assert (graphs.against, graphs.least) == ("the batch of 4, eager", 0.8)
    assert graphs.beside == figures["resnet at 32, batch 4, bf16, eager: training"].values


def test_what_there_is_no_time_for_is_named() -> None:
    found = session(Until.minutes(0), "csra", (32, 64))
    assert not found.figures and len(found.left_out) == 4 + 3 * 8
    assert found.left_out[0] == "resnet against the CPU, bf16"
    # What is compiled is where most of the time of a step can be won: before other sizes and precisions.
    assert found.left_out[6:10] == [
        f"{name} at 32, batch 2, bf16, {mode}"
        for mode in ("compiled", "graphs")
        for name in ("resnet", "csra")
    ]
    assert found.left_out[10:16] == [
        f"{name} at {side}, batch 2, {precision}, eager"
        for side, precision in ((32, "fp32"), (64, "bf16"), (64, "fp32"))
        for name in ("resnet", "csra")
    ]
    # Every way in which the help says that a method is measured is named.
    ways = {what.partition(" ")[2] for what in found.left_out if what.startswith("csra at")}
    assert ways == {
        f"at {side}, batch 2, {precision}, {mode}"
        for side in (32, 64)
        for precision in ("bf16", "fp32")
        for mode in ("eager", "compiled", "graphs")
    }


def test_a_case_that_fails_is_named_and_the_others_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: Bench, case: Case, repeats: int) -> Any:
        if case.mode == "compiled":
            raise RuntimeError("the compiler is missing")
        return measure(bench, case, repeats)

    monkeypatch.setattr("bench.profile.gpu_session.measure", broken)
    found = session(Until.minutes(5), "resnet")
    assert found.left_out == [
        f"resnet at 32, batch 2, {precision}, compiled (RuntimeError: the compiler is missing)"
        for precision in ("bf16", "fp32")
    ]
    assert any("graphs" in figure.what for figure in found.figures)


def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("bench.profile.gpu_session.measure", full)
    found = session(Until.minutes(5), "resnet")
    assert "resnet at 32, batch 2, fp32, eager (does not fit the memory)" in found.left_out


@pytest.mark.parametrize("method", ["salgl", "tdrg", "c-tran"])
def test_heads_of_every_kind_can_be_measured(method: str) -> None:
    (choice,) = methods(method)
    found = measure(SMALL, Case(choice, 32, 2, "bf16", "eager"), repeats=2)
    assert len(found.training) == len(found.inference) == 2 and min(found.training + found.inference) > 0
    assert found.flops > 1e6 and found.peak > 0 and 0 <= found.head < 1 and found.idle is None
    assert found.share(2, 1e9) > 0


@pytest.mark.parametrize("method", ["resnet", "ml-gcn", "ml-decoder", "tdrg"])
def test_the_rounding_of_a_correct_device_is_allowed_on_the_network_that_is_measured(method: str) -> None:
    (choice,) = methods(method)
    # Random weights that double the activations in every block would give gradients that are noise, or none.
    half = Agreement(REAL, choice, 64).apart("bf16")
    assert all(0 < found < most for found, most in zip(half, Apart.most("bf16"), strict=True)), half


def of_the_device(found: list[Any]) -> bool:
    """Whether the call that is being noted is the device's, which computes before the CPU."""
    found.append(None)
    return len(found) == 1


def test_wrong_numbers_of_a_device_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (choice,) = methods("resnet")
    assert Agreement(REAL, choice, 64).apart("fp32") == (0, 0, 0)
    plain, calls = Bench.model, list[Any]()

    def faulty(self: Bench, *what: Any) -> Any:
        model = plain(self, *what)
        if of_the_device(calls):
            # One of a hundred convolutions puts its channels in the wrong places.
            convolution = model.backbone.get_submodule("network.6.10.conv2")
            convolution.register_forward_hook(lambda module, given, output: output.roll(1, 1))
        return model

    monkeypatch.setattr(Bench, "model", faulty)
    found = Agreement(REAL, choice, 64).apart("fp32")
    assert found.backbone > Apart.most("fp32").backbone, found


def test_other_images_on_a_device_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (choice,) = methods("resnet")
    plain, calls = Bench.batch, list[Any]()

    def darker(self: Bench, size: int, side: int) -> Any:
        images, targets = plain(self, size, side)
        return images // (2 if of_the_device(calls) else 1), targets

    monkeypatch.setattr(Bench, "batch", darker)
    found = Agreement(REAL, choice, 64).apart("bf16")
    assert all(value > most for value, most in zip(found, Apart.most("bf16"), strict=True)), found


def test_the_cpu_computes_once_for_all_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    (choice,) = methods("resnet")
    plain, calls = Bench.model, list[Any]()
    monkeypatch.setattr(Bench, "model", lambda self, *what: calls.append(what) or plain(self, *what))
    agreement = Agreement(SMALL, choice, 32)
    assert agreement.apart("fp32") == (0, 0, 0) and agreement.apart("bf16") > (0, 0, 0)
    assert len(calls) == 3


def test_numbers_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Bench.model

    def broken(self: Bench, *what: Any) -> Any:
        model = plain(self, *what)
        torch.nn.init.constant_(next(model.backbone.parameters()), torch.inf)
        return model

    monkeypatch.setattr(Bench, "model", broken)
    with pytest.raises(ArithmeticError, match="cpu computes logits or gradients that are not finite"):
        Agreement(SMALL, methods("resnet")[0], 32).apart("bf16")


@pytest.mark.parametrize(
    ("rates", "best"), [({16: 1, 32: 2, 64: 2.05}, 32), ({16: 3, 32: 2}, 16), ({16: 1, 32: 2, 64: 4}, 64)]
)
def test_the_best_batch_is_the_last_that_is_worth_it(rates: dict[int, float], best: int) -> None:
    def rate(batch: int) -> float:
        if batch not in rates:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return rates[batch]

    assert best_batch(rate, 16) == best


def test_what_is_compiled_is_one_graph_and_graphs_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noted(model: torch.nn.Module, **how: object) -> torch.nn.Module:
        asked.append(how)
        return model

    monkeypatch.setattr(torch, "compile", noted)
    model = torch.nn.Linear(2, 2)
    assert all(seen_as(model, mode) is model for mode in ("eager", "compiled", "graphs"))
    assert asked == [
        {"fullgraph": True, "mode": "default"},
        {"fullgraph": True, "mode": "reduce-overhead"},
    ]
