"""The README's commands, run as they stand there."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bench_command import bench
from places import ROOT
from trees import write_own_csv, write_voc

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
# What is added to a command that would take hours, or need a download, so that it can be run here.
SHORTER = {
    "bench data download voc2007 --data-root DIR": ["--help"],
    "bench run --methods all --data voc2007 --data-root DIR": ["--dry-run"],
    "bench run --methods add-gcn --data coco2014 --schedule add-gcn --protocol add-gcn --data-root DIR": [
        "--help"
    ],
    "bench run --spec matrix.yaml": ["--epochs", "1", "--limit-train", "32", "--limit-eval", "32"],
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.S | re.M)


def commands() -> list[str]:
    """Every `bench` command line of the bash blocks, without comments, joined over line ends."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [" ".join(shlex.split(line, comments=True)) for line in lines if line.startswith("bench ")]


def test_the_make_targets_that_it_names_exist_and_do_what_it_says() -> None:
    for target in set(re.findall(r"make ([a-z]+)(?: |$|\)|`)", TEXT, flags=re.M)) - {"it"}:
        planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert planned.returncode == 0, planned.stderr
        if target == "demo":
            assert "run --methods all --data scenes" in planned.stdout and "bench tables" in planned.stdout
        if target == "test":
            assert "ruff" in planned.stdout and "mypy" in planned.stdout and "pytest" in planned.stdout


def test_the_inline_commands_exist() -> None:
    from bench.cli import COMMANDS

    named = set(re.findall(r"`bench\s([a-z-]+)", TEXT))
    assert named and named <= set(COMMANDS)


@pytest.mark.slow
def test_every_command_runs(tmp_path: Path) -> None:
    data = write_voc(tmp_path / "data", train=12, test=6).parents[1]
    write_own_csv(tmp_path, split=False)  # photos and labels.csv, for birds.yaml
    files = [block for block in blocks("yaml") if re.match(r"# \w+\.yaml\n", block)]
    assert len(files) >= 2
    for block in files:
        (tmp_path / block.split()[1]).write_text(block, encoding="utf-8")
    ready = [
        "run",
        "--methods",
        "resnet",
        "--data",
        "scenes",
        "--epochs",
        "1",
        "--limit-train",
        "8",
        "--limit-eval",
        "8",
    ]
    assert bench(tmp_path, None, *ready).exit_code == 0, "so that there is a record for `bench tables`"
    found = commands()
    assert len(found) >= 4
    for line in found:
        words = shlex.split(line.replace("DIR", str(data))) + SHORTER.get(line, [])
        done = bench(tmp_path, None, *words[1:])
        # `check` finds, rightly, that the small tree is not VOC2007.
        expected = 1 if line.startswith("bench data check voc2007") else 0
        assert done.exit_code == expected, f"{line}\n{done.output}"
