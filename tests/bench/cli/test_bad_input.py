"""A user's mistake through the real command line: exit status 2, one sentence, no traceback."""

import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from bench.cli import COMMANDS, main
from bench.datasets.catalog import DATASETS
from bench.experiment.schedule import load_schedule, schedule_names
from bench.methods.catalog import METHODS
from bench.methods.options import MLGCNOptions
from bench.metrics.protocol import PROTOCOLS
from bench_command import own_environment, own_process
from trees import write_voc

# The smallest run there is, up to the mistake.
TINY = (
    *("run", "--data", "voc2007", "--data-root", "data", "--methods", "resnet", "--device", "cpu"),
    *("--backbone", "timm/test_byobnet", "--weights", "none", "--image-size", "32"),
    *("--epochs", "1", "--batch-size", "4"),
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tree in `data`, and no configuration of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_DATA_ROOT", "BENCH_WORK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    write_voc(tmp_path / "data", train=8, test=4)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    """What is printed of a mistake, after checking that it is printed as one."""
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert result.output.endswith(line + "\n"), "one sentence, and nothing after it"
    return line.removeprefix("Error: ")


def test_the_tiny_run_is_right_but_for_the_mistake() -> None:
    result = run(*TINY)
    assert result.exit_code == 0, result.output
    assert "2 of 2 runs done now" in result.output


@pytest.mark.parametrize(
    ("arguments", "near", "known"),
    [
        (("rn",), "run", ", ".join(sorted(COMMANDS))),
        ((*TINY, "--methods", "ml-gnc"), "ml-gcn", ", ".join(sorted(METHODS))),
        ((*TINY, "--methods", "resnet,slagl"), "salgl", ", ".join(sorted(METHODS))),
        ((*TINY, "--methods", "ml-gcn/tua=0.4"), "tau", ", ".join(sorted(MLGCNOptions.model_fields))),
        ((*TINY, "--methods", "resnet/pool=mx"), "max", "'avg' or 'max'"),
        ((*TINY, "--data", "voc207"), "voc2007", ", ".join(sorted(DATASETS))),
        ((*TINY, "--schedule", "demmo"), "demo", ", ".join(schedule_names())),
        ((*TINY, "--protocol", "mlgcn"), "ml-gcn", ", ".join(sorted(PROTOCOLS))),
        ((*TINY, "--precision", "fp61"), "fp16", "'fp32', 'bf16' or 'fp16'"),
        ((*TINY, "--overwrite", "alway"), "always", "'only-missing', 'failed' or 'always'"),
        ((*TINY, "--backbone", "timm/test_byobnt"), "test_byobnet", "the nearest are test_byobnet"),
        ((*TINY, "--backbone", "resnet55"), "resnet50", "resnet50"),
        ((*TINY, "--backbone", "resnet18", "--weights", "imagenet1k_v9"), "imagenet1k_v1", "none"),
        (("tables", "--protocol", "sgrl"), "ssgrl", ", ".join(sorted(PROTOCOLS))),
        (("run", "--epoch", "3"), "--epochs", "--epochs"),
    ],
)
def test_an_unknown_name_gets_the_known_ones_and_the_nearest(
    arguments: tuple[str, ...], near: str, known: str
) -> None:
    message = refused(*arguments)
    assert known in message
    if "nearest are" not in message:
        hint = message.lower().partition("did you mean")[2].removeprefix(" one of:").strip()
        assert hint.startswith(f"'{near}'"), message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "'data' is missing: name a data set with --data"),
        (("run", "--data", "voc2007"), "Where is PASCAL VOC 2007? Give --data-root DIR"),
        ((*TINY, "--data-root", "nowhere"), "nowhere is not a folder; give the folder that holds VOCdevkit"),
        ((*TINY, "--data-root", "data/VOCdevkit/VOC2007/JPEGImages"), "the folder holds 000001.jpg"),
        ((*TINY, "--methods", ""), "'methods' is empty"),
        ((*TINY, "--methods", "ml-gcn/tau=2"), "'tau' is 2: input should be less than or equal to 1"),
        ((*TINY, "--methods", "resnet/pool"), "write its options as resnet/key=value"),
        ((*TINY, "--methods", "resnet/pool=["), "'[' is no value for pool"),
        ((*TINY, "--methods", "seed"), "Unknown method 'seed'. Did you mean the group 'seeds'?"),
        ((*TINY, "--methods", "resnet,ml-decoder/groups=21"), "cannot divide 20 classes among 21 groups"),
        ((*TINY, "--methods", "ml-decoder/groups=21", "--dry-run"), "choose groups of at most 20"),
        ((*TINY, "--epochs", "0"), "'epochs' is 0: input should be greater than or equal to 1"),
        ((*TINY, "--epochs", "many"), "'many' is not a valid integer"),
        ((*TINY, "--image-size", "16"), "'image_size' is 16"),
        (
            (*TINY, "--seeds", "a"),
            "'seeds.0' is 'a': seeds are whole numbers separated by commas",
        ),
        (
            (*TINY, "--seeds", "-1"),
            "'seeds.0' is '-1': seeds are whole numbers separated by commas",
        ),
        ((*TINY, "--device", "gpu"), "'device' is 'gpu': input should be auto, cpu, cuda or cuda:N"),
        ((*TINY, "--precision", "fp16"), "'fp16' needs a GPU; on a CPU use --precision bf16 or fp32"),
        ((*TINY, "--schedule", "none.yaml"), "none.yaml does not exist"),
        ((*TINY, "--vectors", "none.txt"), "none.txt does not exist; give a file, or 'label-sets'"),
        ((*TINY, "--backbone", "keras/resnet18"), "write torchvision/NAME or timm/NAME"),
        ((*TINY, "--backbone", "torchvision/maxvit_t"), "has no feature map to cut at; choose"),
        ((*TINY, "--backbone", "timm/mixer_s32_224"), "does not give a (D, h, w) feature map; choose a conv"),
        (
            (*TINY, "--backbone", "timm/test_vit", "--image-size", "40"),
            "patch size (16); choose an image size",
        ),
        (
            (*TINY, "--weights", "pretraind"),
            "Did you mean 'pretrained'? Known: a file, none, pretrained, scenes-objects",
        ),
        (("show", "nothing"), "begin or end with 'nothing'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(*arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there() -> None:
    message = refused(*TINY, "--device", "cuda")
    assert "Device 'cuda' is not there" in message and "use --device cpu" in message


def test_a_folder_that_cannot_be_written(place: Path) -> None:
    (place / "results").write_text("a file")
    assert "results" in refused(*TINY, "--results", "results")


@pytest.mark.parametrize("key", ["batch-size", "batch_size"])
def test_keys_of_a_spec_take_hyphens_and_underscores(key: str) -> None:
    Path("spec.yaml").write_text(f"data: voc2007\ndata-root: data\nmethods: [resnet]\n{key}: 2\nepochs: 1\n")
    result = run("run", "--spec", "spec.yaml", "--dry-run")
    assert result.exit_code == 0 and "1 epochs, 4 steps" in result.output, result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data: voc2007\nepoch: 3\n", "In spec.yaml: 'epoch' is not a known key, did you mean 'epochs'?"),
        ("data: voc2007\nbatch-sise: 3\n", "'batch_sise' is not a known key, did you mean 'batch_size'?"),
        ("data: voc2007\nwibble: 3\n", "'wibble' is not a known key; known: backbone, batch_size"),
        ("data: voc2007\nepochs: some\n", "In spec.yaml: 'epochs' is 'some'"),
        ("- voc2007\n", "The spec file spec.yaml is not a mapping"),
        ("", "The spec file spec.yaml is not a mapping"),
        ("data: [voc2007\n", "The spec file spec.yaml is not YAML"),
        ("data: caf\xe9", "The spec file spec.yaml is not YAML"),
        (None, "The spec file spec.yaml does not exist"),
    ],
)
def test_a_bad_spec_is_refused(content: str | None, message: str) -> None:
    if content is not None:
        Path("spec.yaml").write_bytes(content.encode("latin-1"))
    assert message in refused("run", "--spec", "spec.yaml")


def test_a_misspelt_field_of_a_schedule_is_refused_by_name() -> None:
    fields = load_schedule("demo", {}).model_dump(mode="json")
    fields["wieght_decay"] = fields.pop("weight_decay")
    Path("mine.yaml").write_text(yaml.safe_dump(fields))
    message = refused(*TINY, "--schedule", "mine.yaml")
    assert "Schedule mine.yaml: " in message and "'weight_decay' is missing" in message
    assert "'wieght_decay' is not a known key, did you mean 'weight_decay'?" in message


def test_bad_files_are_listed_and_nothing_is_trained(place: Path) -> None:
    for name in ("JPEGImages/000002.jpg", "Annotations/000003.xml", "JPEGImages/000009.jpg"):
        (place / "data" / "VOCdevkit" / "VOC2007" / name).write_text("damaged")
    result = run(*TINY)
    assert result.exit_code == 2 and "3 files of PASCAL VOC 2007 cannot be used" in result.output
    assert all(f"00000{number}: " in result.output for number in (2, 3, 9))
    assert not Path("results").exists()
    skipped = run(*TINY, "--skip-bad", "--limit-train", "6")
    assert skipped.exit_code == 0, skipped.output
    shown = run("show", next(Path("results/runs").glob("*resnet*")).name).output
    assert "files skipped" in shown and "0 files skipped" not in shown


class Runs:
    """Makes a folder when it is unpickled, as an attacker's object would do worse."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-the-file",)


SAVED: dict[str, Any] = {
    "garbage": b"not weights" * 50,
    "empty": b"",
    "safetensors": b"not weights" * 50,
    "torch pickle": {"state_dict": Runs()},
    "list": [1, 2],
    "no tensors": {"state_dict": 5},
    "others": {"stem.weight": torch.zeros(1)},
}


def write_weights(kind: str) -> Path:
    path = Path("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps({"state_dict": Runs()}, protocol=2))
    elif kind != "missing" and isinstance(saved := SAVED[kind], bytes):
        path.write_bytes(saved)
    elif kind != "missing":
        torch.save(SAVED[kind], path)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "The weights file weights.pth does not exist."),
        ("garbage", "The weights file weights.pth cannot be read: it is damaged, or holds more than tensors"),
        ("empty", "The weights file weights.pth cannot be read"),
        ("safetensors", "The weights file weights.safetensors cannot be read"),
        ("plain pickle", "holds more than tensors, which is not loaded because that can run code"),
        ("torch pickle", "holds more than tensors, which is not loaded because that can run code"),
        ("list", "does not map names to tensors"),
        ("no tensors", "does not map names to tensors"),
        ("others", "The weights 'weights.pth' do not fit test_byobnet"),
    ],
)
def test_bad_weights_are_refused_and_run_nothing(kind: str, message: str) -> None:
    path = write_weights(kind)
    assert message in refused(*TINY, "--weights", str(path))
    assert not Path("made-by-the-file").exists()


def test_the_pickle_would_have_run() -> None:
    pickle.loads(write_weights("plain pickle").read_bytes())
    assert Path("made-by-the-file").is_dir()


def test_debug_shows_the_traceback_and_its_absence_does_not(place: Path) -> None:
    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = own_environment(place, place / "data")
        return subprocess.run(own_process(*arguments), env=environment, capture_output=True, text=True)

    plain = started("run", "--data", "voc207")
    assert plain.returncode == 2 and plain.stdout == ""
    assert plain.stderr == (
        f"Error: Unknown data set 'voc207'. Did you mean 'voc2007'? Known: {', '.join(sorted(DATASETS))}.\n"
    )
    for before, behind in ((["--debug"], []), ([], ["--debug"])):
        debug = started(*before, "run", "--data", "voc207", *behind)
        assert debug.returncode != 0 and "Did you mean 'voc2007'" in debug.stderr
        assert "Traceback (most recent call last)" in debug.stderr
