"""`bench profile methods` measures heads beside their published formulation; what a large label set takes."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.engine.device.cost import count_parameters
from bench.experiment.methods import options_of, parse_methods
from bench.methods.catalog import METHODS
from bench.methods.head import Head, HeadOutput
from bench.methods.published.formulation import FORMULATIONS
from bench.profile import bounds, heads
from bench.profile.heads import Setting, activation_bytes, measure_side_by_side
from bench.profile.speed_table import reports
from bench_command import ADD_GCN, NARROW, SALGL, bench

SMALL = ("--map", "4", "--channels", "16", "--batch", "2")
SETTING = Setting(classes=20, batch=4, side=6, channels=64, device=torch.device("cpu"))
GIB = 2**30


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine reaches is measured on something small."""
    monkeypatch.setattr(bounds, "PRODUCT", (64, 128, 128))
    monkeypatch.setattr(bounds, "COPIED", 2**20)


def test_the_command_measures_every_method_and_compares_two(tmp_path: Path) -> None:
    names = (NARROW["ssgrl"], f"{SALGL}/soft=True", ADD_GCN)
    arguments = ("--methods", ",".join(names), "--classes", "3,5", "--repeats", "2", *SMALL)
    done = bench(tmp_path, None, "profile", "methods", *arguments)
    assert done.exit_code == 0, done.output
    assert "features 2x16x4x4, cpu" in done.output and "2 repeats" in done.output
    numbers = r"( +\d+\.\d){6}$"
    for method in names:
        for classes in (3, 5):
            assert re.search(rf"^{method} +{classes}{numbers}", done.output, re.M), (method, classes)
    assert len(re.findall(rf"^  published formulation +\d+{numbers}", done.output, re.M)) == 6
    apart = re.findall(r"^  times.*logits (\S+) apart$", done.output, re.M)
    assert len(apart) == 6 and all(float(difference) < 1e-4 for difference in apart)


def test_what_was_measured_is_written_as_any_report(tmp_path: Path) -> None:
    out = tmp_path / "methods.json"
    arguments = ("--methods", "resnet,csra", "--classes", "3", "--repeats", "2", *SMALL, "--out", str(out))
    done = bench(tmp_path, None, "profile", "methods", *arguments)
    assert done.exit_code == 0 and f"Written to {out}." in done.output, done.output
    (report,) = reports(tmp_path)
    assert report.part == "methods" and len(report.notes) == 2
    alone, beside = report.figures[:2], report.figures[2:]
    assert all(not figure.beside and figure.what.endswith("resnet, 3 classes, 2x16x4x4") for figure in alone)
    assert all("csra, 3 classes" in figure.what and len(figure.beside) == 2 for figure in beside)
    assert all(
        re.fullmatch(
            r"products at a plain one's speed: [\d.e,-]+ ms; memory at a copy's: [\d.e,-]+ ms", one.bound
        )
        for one in report.figures
    )
    # What the command prints is what is written.
    (printed,) = re.findall(r"^  times +(\S+)x +(\S+)x", done.output, re.M)
    assert printed == tuple(f"{figure.times():.2f}" for figure in beside)
    assert "csra, 3 classes" in report.notes[1] and "apart" in report.notes[1]


@pytest.mark.parametrize(
    ("option", "value"), [("--classes", "0"), ("--classes", "a"), ("--device", "tpu"), ("--methods", "x")]
)
def test_a_wrong_option_is_named(option: str, value: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "methods", option, value)
    assert done.exit_code == 2 and f"'{value}'" in done.output, done.output


class Exponential(Head):
    """Keeps the exponentials of the features, which their gradient needs."""

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        first, again = features.exp(), (2 * features).exp()
        return HeadOutput((first + again).mean(dim=(2, 3)), {}, {})


def test_activations_are_what_is_kept_for_the_backward_pass() -> None:
    features, targets = torch.rand(2, 3, 5, 5), torch.ones(2, 3)
    logits = 4 * targets.numel()  # of the loss
    assert activation_bytes(Exponential(), features, targets) == 2 * 4 * features.numel() + logits


@pytest.mark.parametrize("method", ["ssgrl", "salgl"])
def test_heads_keep_less_than_half_of_what_the_published_formulation_keeps(method: str) -> None:
    found = measure_side_by_side(parse_methods((method,))[0], SETTING, repeats=1)
    assert found.published is not None
    assert 0 < 2 * found.bench.activations < found.published.activations
    assert found.bench.flops < found.published.flops
    assert found.difference < 1e-5
    assert found.ratio("training") == found.published.training[0] / found.bench.training[0]


@pytest.mark.parametrize(
    ("method", "channels"),
    # ML-GCN's order of products is that for layers which widen the nodes, as the papers' do.
    [
        *((name, 2048) for name in ("ml-gcn", "add-gcn", "csra")),
        *((name, 64) for name in ("salgl", "query2label", "ml-decoder", "c-tran")),
    ],
)
def test_heads_compute_no_more_than_the_published_formulation(method: str, channels: int) -> None:
    found = measure_side_by_side(parse_methods((method,))[0], replace(SETTING, channels=channels), repeats=1)
    assert found.published is not None
    assert 0 < found.bench.flops <= found.published.flops
    assert found.bench.parameters == found.published.parameters
    assert found.difference < 1e-5


def test_a_variant_that_the_published_code_lacks_is_measured_alone() -> None:
    found = measure_side_by_side(parse_methods(("ml-gcn/layers=3",))[0], SETTING, repeats=1)
    assert found.published is None and found.left_out is None and len(found.bench.training) == 1


def test_every_method_but_the_baseline_is_measured_beside_its_published_formulation() -> None:
    assert FORMULATIONS.keys() == METHODS.keys() - {"resnet"}


@pytest.mark.parametrize("method", FORMULATIONS)
def test_a_published_formulation_that_does_not_fit_is_left_out(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (choice,) = parse_methods((NARROW.get(method, method),))
    options = options_of(choice)
    needed = heads._memory_needed(FORMULATIONS[method], options, SETTING)
    published = SETTING.built(FORMULATIONS[method], options)
    kept = activation_bytes(published, *SETTING.images())
    parameters = count_parameters(published)
    assert needed == heads.PEAK_PER_ACTIVATION * kept + 8 * parameters
    monkeypatch.setattr(heads, "_memory_free", lambda device: needed - 1)
    found = measure_side_by_side(choice, SETTING, repeats=1)
    assert found.published is None and found.left_out == needed and len(found.bench.training) == 1
    monkeypatch.setattr(heads, "_memory_free", lambda device: 0)
    done = bench(tmp_path, None, "profile", "methods", "--methods", choice.label(), "--classes", "3", *SMALL)
    assert "left out: it takes about 0 GB" in done.output


LARGE = """
import resource, sys
import torch
from bench.methods.catalog import METHODS
from bench.methods.model import head_class
from bench.profile.heads import Setting, training_step

for batch in (2, 6):
    method = METHODS[sys.argv[1]]
    setting = Setting(classes=500, batch=batch, side=14, channels=2048, device=torch.device("cpu"))
    head = head_class(method)(2048, setting.labels(), method.options())
    optimizer = torch.optim.AdamW(head.parameters())
    training_step(head, *setting.images())
    optimizer.step()
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    del head, optimizer
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of memory is that of Linux")
def test_five_hundred_labels_train_in_batches_of_sixteen_within_eight_gigabytes() -> None:
    """SALGL, which takes more than SSGRL: its map is not pooled.

    Told from what four images more take, which is more than enough: 5.4 GB, where sixteen images took 4.7.
    """
    if heads._memory_free(torch.device("cpu")) < 5 * GIB:
        pytest.skip("needs 5 GB of free memory")
    done = subprocess.run([sys.executable, "-c", LARGE, "salgl"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    two, six = map(int, done.stdout.split())
    assert GIB < two < six
    assert two + (16 - 2) / 4 * (six - two) < 8 * GIB


def test_a_head_that_reads_two_maps_is_given_both() -> None:
    (choice,) = parse_methods(("tdrg/hidden=8/feedforward=16",))
    found = measure_side_by_side(choice, SETTING, repeats=1).bench
    head = SETTING.head(choice)
    earlier = head.get_buffer("earlier")
    assert earlier.shape == (SETTING.batch, SETTING.channels // 2, 12, 12)
    assert found.parameters == sum(parameter.numel() for parameter in head.parameters())
    # The 1x1 convolution of the earlier map is counted; the map itself is not kept by the head.
    assert found.flops > 2 * 8 * earlier.numel() and found.activations > 0
