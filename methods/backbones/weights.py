"""Weights of a backbone from a file, and into a network."""

import pickle
import tarfile
import textwrap
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.arrays import check_packed
from bench.errors import UserError

# What training codes put around the weights; DeiT's and Swin's files have `model`.
WRAPPERS = ("state_dict", "model")
# A sentence with hundreds of names in it helps nobody.
NAMES_SHOWN = 8


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file. No code in the file is run.

    Raises:
        UserError: a damaged file, or one that holds more or other things than tensors by name.
    """
    try:
        state = _load_file(path)
    except (pickle.UnpicklingError, EOFError) as error:
        raise UserError(
            f"The weights file {path} cannot be read: it is damaged, or holds more than tensors, which is "
            "not loaded because that can run code."
        ) from error
    except Exception as error:  # each reader has its own kinds, and all mean the same to the user
        raise UserError(f"The weights file {path} cannot be read: {reason(error)}.") from error
    if isinstance(state, dict):
        state = next((state[key] for key in WRAPPERS if key in state), state)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise UserError(
            f"The weights file {path} does not map names to tensors, by itself or under "
            f"{' or '.join(repr(key) for key in WRAPPERS)}."
        )
    for name, value in state.items():
        fault = tensor_fault(value)
        if fault:
            raise UserError(f"The weights file {path} cannot be used: {name} {fault}.")
    return {name.removeprefix("module."): value for name, value in state.items()}


def tensor_fault(tensor: Tensor) -> str:
    """Why a tensor of a stranger's file cannot be used, or nothing."""
    # A view can repeat a few bytes without end, until something copies it.
    if tensor.numel() * tensor.element_size() > max(tensor.untyped_storage().nbytes(), 1):
        return f"has {tensor.numel()} numbers, more than the file holds of it"
    return "holds NaN" if tensor.is_floating_point() and tensor.isnan().any() else ""


def _load_file(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            check_packed(packed, path.stat().st_size)
    elif tarfile.is_tarfile(path):  # of PyTorch before 0.1.10, which it unpacks into a folder to look into it
        raise ValueError("it is a tar archive")
    loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    return loaded


def load_weights(
    network: nn.Module, state: dict[str, Tensor], name: str, weights: str, classifier: Iterable[str]
) -> None:
    """Load everything but the classifier, which may be absent or of any size.

    Args:
        network: with its own classifier, whose weights stay as they are.
        state: the weights by name.
        name: of the backbone, for messages.
        weights: what the user called the weights, for messages.
        classifier: names of the modules that make up the classifier.

    Raises:
        UserError: a name is missing or unexpected, or a shape differs.
    """
    dropped = tuple(f"{module}." for module in classifier)
    body = {key: value for key, value in state.items() if not key.startswith(dropped)}
    try:
        result = network.load_state_dict(body, strict=False)
    except RuntimeError as error:
        sizes = [line.strip().rstrip(".") for line in str(error).splitlines() if "size mismatch" in line]
        raise misfit(name, weights, _listed(sizes) or reason(error)) from error
    missing = [key for key in result.missing_keys if not key.startswith(dropped)]
    if missing or result.unexpected_keys:
        parts = {"missing": missing, "unexpected": result.unexpected_keys}
        raise misfit(
            name, weights, "; ".join(f"{part} {_listed(keys) or 'none'}" for part, keys in parts.items())
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def misfit(name: str, weights: str, detail: str) -> UserError:
    """The error for weights of another network."""
    return UserError(
        f"The weights '{weights}' do not fit {name}: {detail}; give the file that belongs to it."
    )


def not_fetched(name: str, weights: str, error: Exception) -> UserError:
    """The error for weights that are not on this machine and cannot be downloaded."""
    return UserError(
        f"The weights '{weights}' of {name} could not be fetched ({reason(error)}); give a local file with "
        "--weights FILE, or start from random weights with --weights none."
    )


def reason(error: Exception) -> str:
    """The first line of an error, cut to fit into a sentence."""
    lines = str(error).strip().splitlines()
    return textwrap.shorten(lines[0].rstrip("."), 160, placeholder=" ...") if lines else type(error).__name__
