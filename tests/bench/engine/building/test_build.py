"""Nothing is done twice: models are built, label spaces counted and start files read once for each run."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.engine.building import build
from bench.engine.models import model_file, warm_start
from bench.methods import model
from bench_command import TINY, bench
from trees import write_voc


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of these was called."""
    calls: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def counting(*given: Any, **named: Any) -> Any:
            calls[name] += 1
            return function(*given, **named)

        monkeypatch.setattr(module, name, counting)

    count(model, "build_backbone")
    count(build, "label_space_of")
    count(warm_start, "read_tensors")
    count(warm_start, "sha256_of_file")
    count(model_file, "build_backbone")
    return calls


@pytest.mark.slow
def test_a_matrix_builds_each_model_once_and_reads_a_start_file_once(
    tmp_path: Path, counted: Counter[str]
) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    asked = ("run", *TINY, "--epochs", "1", "--methods")
    assert bench(tmp_path, tmp_path / "data", *asked, "resnet").exit_code == 0
    # One backbone to see that it can be had, then one for the run; the label space likewise.
    assert counted == {"build_backbone": 2, "label_space_of": 2}
    counted.clear()
    (start,) = (tmp_path / "work" / "runs").glob("*resnet*/model.safetensors")
    matrix = ("resnet,ml-gcn", "--seeds", "0,1", "--init-from", str(start))
    assert bench(tmp_path, tmp_path / "data", *asked, *matrix).exit_code == 0
    assert counted == {
        "build_backbone": 1 + 4,
        "label_space_of": 1 + 4,
        "read_tensors": 1,
        "sha256_of_file": 1,
    }


@pytest.mark.slow
def test_a_record_says_which_version_made_it(tmp_path: Path) -> None:
    import json

    from bench import __version__

    write_voc(tmp_path / "data", train=8, test=4)
    assert (
        bench(tmp_path, tmp_path / "data", "run", *TINY, "--epochs", "1", "--methods", "resnet").exit_code
        == 0
    )
    for run in json.loads(bench(tmp_path, None, "ls", "--json").stdout):
        assert run["version"] == __version__
    assert f"mlr-bench {__version__}" in bench(tmp_path, None, "show", "voc2007-resnet").stdout
    assert __version__ in bench(tmp_path, None, "--version").stdout


@pytest.mark.slow
def test_one_split_is_enough_for_what_needs_one(tmp_path: Path) -> None:
    """`bench evaluate` asks nothing of the training split, `bench profile data` nothing of the test split."""
    devkit = write_voc(tmp_path / "data", train=8, test=4)
    assert (
        bench(tmp_path, tmp_path / "data", "run", *TINY, "--epochs", "1", "--methods", "resnet").exit_code
        == 0
    )
    (stored,) = (tmp_path / "work" / "runs").glob("*/model.safetensors")
    lists = devkit / "ImageSets" / "Main"
    (lists / "trainval.txt").rename(tmp_path / "trainval.txt")
    scored = ("evaluate", "--checkpoint", str(stored), "--data", "voc2007", "--device", "cpu")
    done = bench(tmp_path, tmp_path / "data", *scored)
    assert done.exit_code == 0 and "voc2007 test, 4 images" in done.stdout
    (tmp_path / "trainval.txt").rename(lists / "trainval.txt")
    (lists / "test.txt").unlink()
    profile = (
        "profile",
        "input",
        "--data",
        "voc2007",
        "--images",
        "4",
        "--image-size",
        "32",
        "--repeats",
        "1",
    )
    assert bench(tmp_path, tmp_path / "data", *profile).exit_code == 0
