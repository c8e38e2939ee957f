"""The weights that a backbone starts from, as a user names them. Imports no torch, as a plan holds these."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.errors import UserError

SUFFIXES: Final = (".pth", ".pt", ".bin", ".tar", ".safetensors")


@dataclass(frozen=True)
class InitialWeights:
    """Where the weights of a backbone come from.

    Attributes:
        name: as the user gave it: `none`, a file, or a name that the backbone's library knows.
        file: the file, where it is one.
    """

    name: str
    file: Path | None = None


RANDOM: Final = InitialWeights("none")
"""No weights: they are drawn."""


def initial_weights(name: str) -> InitialWeights:
    """Tell a file from a name, by its ending.

    Raises:
        UserError: the file does not exist.
    """
    path = Path(name)
    if path.suffix not in SUFFIXES:
        return InitialWeights(name)
    if not path.is_file():
        raise UserError(f"The weights file {path} does not exist.")
    return InitialWeights(name, path)
