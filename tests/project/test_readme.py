"""The commands of the READMEs, run as they stand there."""

import re
import shlex
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bench_command import bench
from drawn_scenes import put_into
from places import ROOT
from trees import write_own_csv, write_picture, write_voc

READMES = ("README.md", "bench/README.md", "methods/README.md", "datasets/README.md", "results/README.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in READMES}
FEW = ["--limit-train", "16", "--limit-eval", "8"]
SMALL = ["--backbone", "timm/test_byobnet", "--weights", "none", "--image-size", "64", "--epochs", "1", *FEW]
# What is added to a command that would take hours, or need a download, so that it can be run here.
LONGER = {
    "bench data download voc2007 --data-root DIR": ["--help"],
    "bench run --methods all --data voc2007 --data-root DIR": SMALL,
    "bench run --methods add-gcn --data coco2014 --schedule add-gcn --protocol add-gcn --data-root DIR": [
        "--help"
    ],
    "bench run --methods resnet,ml-gcn --data voc2007 --data-root DIR --seeds 0,1,2 "
    "--launcher local --jobs 4": [
        *SMALL,
        *("--seeds", "0", "--jobs", "2", "--results", "side-by-side"),
    ],
    "bench run --spec matrix.yaml": FEW,
    "bench run --spec matrix.yaml --launcher slurm --slurm gpu.yaml": ["--dry-run"],
    "bench run --methods all --data scenes,scenes-alike,scenes-independent,scenes-reversed "
    "--results .bench/context": [*FEW, "--methods", "resnet,add-gcn", "--epochs", "1"],
    "bench run --methods c-tran,resnet --data scenes": [*FEW, "--epochs", "1"],
    "bench run --methods my-head,my-head/sharpness=4,resnet --data scenes": [*FEW, "--epochs", "1"],
}
SLOW_BACKBONE = "--schedule frozen"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


def commands(text: str) -> list[str]:
    """Every `bench` command line of the bash blocks, without comments, joined over line ends."""
    lines = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    return [" ".join(shlex.split(line, comments=True)) for line in lines if line.startswith("bench ")]


def test_a_newcomer_reads_the_first_one_in_three_minutes() -> None:
    # At 200 words a minute, without code; numbers count, the bars and dashes of a table do not.
    words = re.sub(r"```.*?```", "", TEXTS["README.md"], flags=re.S).split()
    assert sum(any(map(str.isalnum, word)) for word in words) < 750


@pytest.mark.parametrize("name", READMES)
def test_no_two_versions_of_a_text_stand_beneath_each_other(name: str) -> None:
    """As after a merge that was committed with its marks, or without them and with both sides."""
    assert not re.findall(r"^(?:<{7} |={7}$|>{7} ).*", TEXTS[name], flags=re.M)
    prose = [line for line in TEXTS[name].splitlines() if not line.startswith("|")]
    words = re.findall(r"\w+", " ".join(prose))
    runs = Counter(" ".join(words[start : start + 20]) for start in range(len(words) - 20))
    assert [run for run, times in runs.items() if times > 1] == []


@pytest.mark.parametrize("name", READMES)
def test_its_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXTS[name])
    for link in links:
        assert (ROOT / name).parent.joinpath(link).exists(), link
    assert links or name != "README.md"


def test_the_make_targets_that_it_names_exist_and_do_what_it_says() -> None:
    named = {
        target for text in TEXTS.values() for target in re.findall(r"make ([a-z]+)(?: |$|\)|`)", text, re.M)
    }
    assert {"demo", "test", "tables", "leaderboard"} <= named
    for target in named - {"it"}:
        planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert planned.returncode == 0, planned.stderr
        if target == "demo":
            assert "run --methods seeds --data scenes" in planned.stdout and "bench tables" in planned.stdout
        if target == "test":
            assert "ruff" in planned.stdout and "mypy" in planned.stdout and "pytest" in planned.stdout


@pytest.mark.parametrize("name", READMES)
def test_the_inline_commands_exist(name: str) -> None:
    from bench.cli import COMMANDS

    named = set(re.findall(r"`bench\s([a-z-]+)", TEXTS[name]))
    assert named and named <= set(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", READMES)
def test_every_command_runs(name: str, tmp_path: Path, drawn_scenes: Path) -> None:
    put_into(tmp_path / "work", drawn_scenes)
    data = write_voc(tmp_path / "data", train=24, test=12).parents[1]
    write_own_csv(tmp_path, split=False)  # photos and labels.csv, for birds.yaml
    for block in blocks(TEXTS[name], "yaml"):
        (tmp_path / block.split()[1]).write_text(block, encoding="utf-8")
    found = commands(TEXTS[name])
    assert len(found) >= 2
    for line in found:
        shorter = SMALL if SLOW_BACKBONE in line and name != "README.md" else LONGER.get(line, [])
        done = bench(tmp_path, None, *shlex.split(line.replace("DIR", str(data)))[1:], *shorter)
        # `check` finds, rightly, that the small tree is not VOC2007.
        expected = 1 if line.startswith("bench data check voc2007") else 0
        assert done.exit_code == expected, f"{line}\n{done.output}"


@pytest.mark.slow
def test_its_python_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn_scenes: Path) -> None:
    put_into(tmp_path / "work", drawn_scenes)
    (code,) = blocks(TEXTS["README.md"], "python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_picture(tmp_path / "photo.jpg", 0)
    few = "seeds=[0, 1, 2], limit_train=16, limit_eval=8, settings={'epochs': 1, 'image_size': 64}"
    assert "seeds=[0, 1, 2]" in code
    found: dict[str, object] = {}
    exec(code.replace("seeds=[0, 1, 2]", few).replace("\nbench.load", "\nlabels = bench.load"), found)
    assert len(found["runs"]) == 7 and len(found["labels"]) == 3  # type: ignore[arg-type]
