"""Read a checkpoint file of another code without running anything that is in it."""

import re
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from bench.arrays import check_packed
from bench.errors import UserError, cut
from bench.methods.backbones.weights import tensor_fault

# Under which names files keep the weights, and their exponential moving average.
PLAIN = ("state_dict", "model_state_dict", "model", "net", "network")
EMA = ("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "ema")
# What DataParallel, SALGL's and PyTorch's averages, and torch.compile put before every name.
WRAPPERS = ("module.", "_orig_mod.")
# Beside the weights in PyTorch's own average: how many steps it has seen.
COUNTER = "n_averaged"


class _Ignored:
    """Stands for a NumPy number or array beside the weights, such as SSGRL's best mAP, which is dropped."""

    def __init__(self, *_: object) -> None:
        """Take whatever NumPy would have been given."""

    def __setstate__(self, _: object) -> None:
        """Likewise."""


_NUMPY = (
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
)


@dataclass(frozen=True)
class PublishedState:
    """The weights in a published file.

    Attributes:
        tensors: by their published names, without the prefixes of wrappers.
        kept_under: under which name the file keeps them; empty where it holds nothing else.
    """

    tensors: dict[str, Tensor]
    kept_under: str


def read_published_file(path: Path, ema: bool) -> PublishedState:
    """Read the weights in a `.pth` or `.pth.tar` file.

    Args:
        path: the file, in any format of `torch.save`.
        ema: take the exponential moving average where the file holds it beside the plain weights.

    Raises:
        UserError: no such file; one that is cut short; one that asks for more than tensors, which can run
            code; or no weights in it.
    """
    content = _load(path)
    if _is_state(content):
        return PublishedState(_checked(path, content), "")
    if not isinstance(content, Mapping):
        raise UserError(
            f"The checkpoint {path} holds a {type(content).__name__} instead of weights by name; save "
            "model.state_dict() instead."
        )
    looked_for = (*EMA, *PLAIN) if ema else PLAIN
    kept_under = next((key for key in looked_for if _is_state(content.get(key))), None)
    if kept_under is None:
        raise UserError(
            f"The checkpoint {path} has no weights where they are looked for, under {', '.join(looked_for)}: "
            f"it holds {cut(', '.join(str(key) for key in content), 400) or 'nothing'}."
        )
    return PublishedState(_checked(path, content[kept_under]), kept_under)


def _checked(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without what wrappers put before the names; UserError where one cannot be used."""
    for name, tensor in state.items():
        fault = tensor_fault(tensor)
        if fault:
            raise UserError(f"The checkpoint {path} cannot be used: {cut(name)} {fault}.")
    return _unwrapped(state)


def _is_state(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items())
    )


def _unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state without what wrappers have put before the names."""
    names = [name for name in state if name != COUNTER]
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return _unwrapped({name.removeprefix(wrapper): state[name] for name in names})
    return dict(state)


def _load(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"The checkpoint {path} does not exist or is no file.")
    if path.suffix == ".safetensors":
        raise UserError(
            f"The checkpoint {path} is a safetensors file, not one of a published code; if it was written "
            "here, `bench evaluate --checkpoint` takes it as it is."
        )
    allowed: list[Any] = [(_Ignored, name) for name in _NUMPY]
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                check_packed(packed, path.stat().st_size)
        elif tarfile.is_tarfile(path):  # PyTorch unpacks it into a folder to look into it
            raise ValueError("weights_only does not read a tar")
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            # PyTorch warns that the encoding is of no use; it is, because Python 2 wrote strings without one.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True, encoding="latin1")
    except UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if asked is None:
            raise _damaged(path, error) from error
        raise _refused(path, asked[1]) from error
    except Exception as error:  # each layer of the format has its own kinds
        if "weights_only" in str(error):  # a TorchScript archive, or the format before PyTorch 0.1
            raise UserError(
                f"The checkpoint {path} is in a format that cannot be read without running code in it "
                "(TorchScript, or a tar archive of the first PyTorch); save model.state_dict() anew."
            ) from error
        raise _damaged(path, error) from error


def _refused(path: Path, name: str) -> UserError:
    return UserError(
        f"The checkpoint {path} is refused: it asks for {name}, which is no tensor, and loading that can run "
        "code; where you trust the file, save its state dict alone with torch.save and import that."
    )


def _damaged(path: Path, error: Exception) -> UserError:
    # PyTorch puts advice before what is wrong with a pickle, and more behind it.
    said = str(error).rpartition("WeightsUnpickler error: ")[2].strip()
    sentence = said.splitlines()[0].partition(". ")[0].rstrip(".") if said else ""
    reason = sentence if " " in sentence else type(error).__name__
    return UserError(
        f"The checkpoint {path} cannot be read: it is cut short, damaged, or no PyTorch file ({reason}); "
        "download it again."
    )
