"""`--compile graphs`: where it can be had, and that it trains and scores as the model compiled alone does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.engine.device.environment import check_graphs
from bench.engine.device.memory import AtOnce
from bench.errors import UserError
from bench.experiment.matrix import Compiled, load_matrix
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from made_records import SCHEDULE
from trees import write_voc

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("graphs", "graphs"), ("false", False)])
def test_a_matrix_says_how_models_are_compiled(text: str, meant: Compiled, tmp_path: Path) -> None:
    (tmp_path / "matrix.yaml").write_text(f"data: scenes\ncompile: {text}\n")
    assert load_matrix(tmp_path / "matrix.yaml", {}).compile == meant


def test_another_word_is_refused(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "run", "--data", "scenes", "--compile", "fast")
    assert done.exit_code == 2 and "compile" in done.stderr and "graphs" in done.stderr


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_without_a_gpu_graphs_are_refused_before_anything_is_trained(more: list[str], tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    arguments = ["run", "--methods", "resnet", *TINY, "--compile", "graphs", *more]
    done = bench(tmp_path, tmp_path / "data", *arguments)
    assert done.exit_code == 2
    assert done.stderr == "Error: --compile graphs needs a GPU; --compile alone compiles for a CPU too.\n"


def test_several_batches_to_a_step_are_refused() -> None:
    device = torch.device("cuda")
    check_graphs(SCHEDULE, device)
    with pytest.raises(UserError, match="gradients of 2 batches, as accumulate"):
        check_graphs(SCHEDULE.model_copy(update={"accumulate": 2}), device)


def test_a_batch_that_does_not_fit_is_an_error_and_not_cut() -> None:
    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    at_once = AtOnce(least=1, whole="with graphs it is not cut")
    with pytest.raises(RuntimeError, match="does not hold what 8 images at once take, and with graphs"):
        at_once.attempt(8, full)
    assert at_once.parts(8) == [slice(0, 8)]


@needs_gpu
@pytest.mark.slow
def test_graphs_give_what_the_compiled_model_gives(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=24, test=10)
    asked = [*TINY]
    asked[asked.index("cpu")] = "cuda"
    found = {}
    for how in ("true", "graphs"):
        folder = tmp_path / how
        folder.mkdir()
        (folder / "matrix.yaml").write_text(f"compile: {how}\n")
        arguments = ["run", "--spec", "matrix.yaml", "--methods", "resnet,salgl", "--epochs", "3", *asked]
        done = bench(folder, tmp_path / "data", *arguments)
        assert done.exit_code == 0, done.output
        store = RecordStore(folder / "results")
        found[how] = {
            record.cell.method.name: (record, store.scores(record).logits)
            for record in store.all()
            if isinstance(record, Record)
        }
    for method in ("resnet", "salgl"):
        (plain, expected), (record, logits) = (found[how][method] for how in ("true", "graphs"))
        assert record.environment.compiled == "graphs" and record.run_id == plain.run_id
        for one, other in zip(record.history, plain.history, strict=True):
            assert one.feed == other.feed and one.loss == pytest.approx(other.loss, rel=1e-3)
        np.testing.assert_allclose(logits, expected, rtol=1e-2, atol=1e-2)
