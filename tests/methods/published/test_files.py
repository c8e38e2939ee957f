"""Reading published files: what wraps the weights, and what is refused or cannot be read."""

import os
import pickle
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.errors import UserError
from bench.methods.published.files import read_published_file
from published_made import state, write

State = dict[str, Tensor]


def refusal(path: Path, ema: bool = True) -> str:
    with pytest.raises(UserError) as error:
        read_published_file(path, ema)
    return str(error.value)


def wrapped(tensors: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda plain: {"state_dict": wrapped(plain, "module."), "epoch": 3, "best_mAP": np.float64(0.9)},
        lambda plain: {"model_state_dict": plain, "best_score": np.array([0.5, 0.25])},
        lambda plain: wrapped(plain, "module.module."),
        lambda plain: {"model": wrapped(plain, "_orig_mod.module."), "optimizer": {"state": {}}},
        lambda plain: {**wrapped(plain, "module."), "n_averaged": torch.tensor(7)},
    ],
    ids=["DataParallel", "MultiLabelClassification", "averaged DDP", "compiled DDP", "AveragedModel"],
)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before PyTorch 1.6"])
def test_wrappers_are_taken_off(wrap: Callable[[State], object], zipped: bool, tmp_path: Path) -> None:
    file = write(tmp_path / "file.pth", wrap(state("resnet")), _use_new_zipfile_serialization=zipped)
    found = read_published_file(file, ema=True).tensors
    assert found.keys() == state("resnet").keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state("resnet").items())


def test_the_moving_average_is_taken_where_there_is_one(tmp_path: Path) -> None:
    average = {name: tensor + 1 for name, tensor in state("resnet").items()}
    path = write(tmp_path / "both.pth", {"state_dict": state("resnet"), "state_dict_ema": average})
    for ema, tensors in ((True, average), (False, state("resnet"))):
        found = read_published_file(path, ema)
        assert torch.equal(found.tensors["network.fc.bias"], tensors["network.fc.bias"])
        assert found.kept_under == ("state_dict_ema" if ema else "state_dict")
    only = write(tmp_path / "only.pth", {"ema": average, "epoch": 1})
    assert "it holds ema, epoch" in refusal(only, ema=False)


class Executes:
    """Loaded by `pickle`, this makes a folder."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.flag),)


def test_what_would_run_code_is_refused_by_name(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    for zipped in (True, False):
        path = write(
            tmp_path / "evil.pth",
            {"state_dict": state("resnet"), "args": Executes(flag)},
            _use_new_zipfile_serialization=zipped,
        )
        message = refusal(path)
        assert "evil.pth is refused" in message and f"asks for {os.mkdir.__module__}.mkdir" in message
        assert not flag.exists()
    torch.load(path, weights_only=False)
    assert flag.is_dir(), "the file would have run code"
    harmless = write(path, {"state_dict": state("resnet"), "args": Namespace(lr=0.1)})
    assert "asks for argparse.Namespace" in refusal(harmless)


def test_strings_of_python_2_are_read(tmp_path: Path) -> None:
    """As SSGRL's code writes its best mAP: the bytes of a number, without an encoding."""
    number = np.float64(0.8371234)
    path = write(
        tmp_path / "x.pth.tar",
        {"state_dict": state("resnet"), "best_mAP": number},
        _use_new_zipfile_serialization=False,
    )
    content = path.read_bytes()
    start = content.index(b"c_codecs\nencode\n")
    end = content.index(b"R", content.index(b"latin1", start)) + 1
    path.write_bytes(content[:start] + b"U\x08" + number.tobytes() + content[end:])
    assert read_published_file(path, ema=True).tensors.keys() == state("resnet").keys()


def test_files_that_cannot_be_read_are_named_with_the_cause(tmp_path: Path) -> None:
    for zipped in (True, False):
        whole = write(tmp_path / "whole.pth", state("resnet"), _use_new_zipfile_serialization=zipped)
        cut = tmp_path / "cut.pth"
        cut.write_bytes(whole.read_bytes()[:-100_000])
        assert "cut.pth cannot be read: it is cut short" in refusal(cut)
    for content in (b"", b"not a checkpoint", pickle.dumps({"a": 1})):
        cut.write_bytes(content)
        message = refusal(cut)
        assert "cut.pth cannot be read" in message and "\n" not in message and "trust" not in message
    assert "does not exist" in refusal(tmp_path / "none.pth")
    assert "does not exist or is no file" in refusal(tmp_path)
    assert "holds a list" in refusal(write(tmp_path / "list.pth", [1]))
    assert "it holds epoch" in refusal(write(tmp_path / "x.pth", {"epoch": 1}))
    (tmp_path / "x.safetensors").write_bytes(b"")
    assert "bench evaluate" in refusal(tmp_path / "x.safetensors")
