"""Tensors to files, so that a full disk is an OSError, as it is wherever else something is written."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from bench.files import atomic_path


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors by their names as safetensors, atomically."""
    with atomic_path(path) as temporary:
        # Not by `save_file`, which has errors of its own, and puts another file in the place of this one.
        temporary.write_bytes(save(tensors, metadata))


def write_pickled(path: Path, content: Mapping[str, object]) -> None:
    """Write numbers, texts and tensors as PyTorch does, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # What PyTorch says of it is that it is somewhere else in the file than it should be.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise
