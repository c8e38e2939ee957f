"""Every precision with everything that a schedule can train: it runs, or is refused before it starts."""

from pathlib import Path

import pytest
import torch

from bench.methods.catalog import SEEDS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import SALGL, TINY, bench
from trees import write_voc

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
ON_DEVICES = [
    ("cpu", "fp32"),
    ("cpu", "bf16"),
    *(pytest.param("cuda", precision, marks=needs_gpu) for precision in ("fp32", "bf16", "fp16")),
]
# What is trained, and the methods that are: heads on stored features, two on a backbone.
TRAINED = {
    "none": (
        *("--methods", "seeds", "--schedule", "frozen"),
        *("--set", "feature_channels=8", "--set", "head_width=8"),
    ),
    "last-stage": ("--methods", f"resnet,{SALGL}", "--set", "trained_backbone=last-stage"),
    "all": ("--methods", f"resnet,{SALGL}"),
}


@pytest.mark.parametrize(("device", "precision"), ON_DEVICES)
@pytest.mark.parametrize("trained", TRAINED)
def test_every_precision_trains_whatever_is_trained(
    trained: str, device: str, precision: str, tmp_path: Path
) -> None:
    write_voc(tmp_path / "data", train=8, test=5)
    how = ("--device", device, "--precision", precision, "--epochs", "1", "--set", "evaluate_every=1")
    done = bench(tmp_path, tmp_path / "data", "run", *TINY, *TRAINED[trained], *how)
    assert done.exit_code == 0, done.output
    records = list(RecordStore(tmp_path / "results").all())
    assert len(records) == (len(SEEDS) + 1 if trained == "none" else 3)
    for record in records:
        assert isinstance(record, Record) and record.status == "finished" and record.metrics, record
        schedule = record.cell.schedule
        assert (schedule.precision, schedule.trained_backbone) == (precision, trained)


@pytest.mark.parametrize("trained", TRAINED)
def test_a_precision_that_a_cpu_does_not_have_is_refused_before_anything_is_trained(
    trained: str, tmp_path: Path
) -> None:
    write_voc(tmp_path / "data", train=8, test=5)
    done = bench(tmp_path, tmp_path / "data", "run", *TINY, *TRAINED[trained], "--precision", "fp16")
    assert done.exit_code == 2 and "on a CPU use --precision bf16 or fp32" in done.output
    assert not list(RecordStore(tmp_path / "results").all())
