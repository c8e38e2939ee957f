"""The weights that a backbone starts from, as a user names them. Imports no torch, as a plan holds these."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.errors import UserError
from bench.files import sha256_of_file

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


PACKAGED: Final = {"scenes-objects": Path(__file__).parent / "scenes_objects.safetensors"}
"""Weights that come with the harness: of timm/test_byobnet, from pictures with one drawn object each."""
RANDOM: Final = InitialWeights("none")
"""No weights: they are drawn."""


def initial_weights(name: str) -> InitialWeights:
    """Tell a file from a name, by its ending; some names stand for files that come with the harness.

    Raises:
        UserError: the file does not exist.
    """
    if name in PACKAGED:
        return InitialWeights(name, PACKAGED[name])
    path = Path(name).expanduser()
    if path.suffix not in SUFFIXES:
        return InitialWeights(name)
    if not path.is_file():
        raise UserError(f"The weights file {path} does not exist.")
    return InitialWeights(name, path)


def name_of_packaged(file: str, digest: str | None) -> str | None:
    """The name of weights that a record holds by file name and hash; None where they are a person's own."""
    for name, path in PACKAGED.items():
        if path.name == file and sha256_of_file(path) == digest:
            return name
    return None
