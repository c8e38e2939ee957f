"""Where label vectors come from, as a user names it, found and typed once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench.errors import UserError
from bench.methods.vectors.bert import PUBLISHED
from bench.methods.vectors.words import SUFFIXES
from bench.resolve import unknown_name
from bench.settings import data_root, work_folder

# What `bench data download` puts into the folder `vectors` under the data root.
NAMED_FILES: Final = {
    "glove": ("glove.840B.300d.txt", "glove.840B.300d.txt.gz"),
    "word2vec": ("GoogleNews-vectors-negative300.bin", "GoogleNews-vectors-negative300.bin.gz"),
}

Kind = Literal["label-sets", "random", "bert", "words", "named", "ordered"]


@dataclass(frozen=True)
class VectorSource:
    """A source of label vectors.

    Attributes:
        kind: trained on the `label-sets` of the training split; `random`; the language model `bert`; a file
            of `words` that class names consist of; a `named` array, looked up by class name; or an `ordered`
            one, whose rows are in class order.
        path: the file, or the folder of the language model where it is not the published one.
        table: of an `.npz` file, which array; None where it has only one.
    """

    kind: Kind
    path: Path | None = None
    table: str | None = None

    @property
    def origin(self) -> str:
        """What a record says of it: a file or folder without where it lies."""
        if self.path is None:
            return PUBLISHED if self.kind == "bert" else self.kind
        if self.kind == "bert":
            return f"bert:{self.path.resolve().name}"
        return f"{self.path.name}:{self.table}" if self.table else self.path.name

    def __str__(self) -> str:
        """As a message calls it."""
        if self.path is None:
            return self.kind
        if self.kind == "bert":
            return f"bert:{self.path}"
        return f"{self.path}:{self.table}" if self.table else str(self.path)


LABEL_SETS: Final = VectorSource("label-sets")
_WITHOUT_FILE: Final[tuple[Kind, ...]] = ("label-sets", "random", "bert")
_NAMES: Final = ("label-sets", "random", *NAMED_FILES, "bert")


def vector_source(text: str, root: Path | None = None) -> VectorSource:
    """The source that a text means, with its file found.

    Args:
        text: `label-sets`; `random`; `bert`, or `bert:DIR` for a model in a folder; `glove` or `word2vec` for
            the file that `bench data download` puts under the data root; or a file: word vectors as
            `read_word_vectors` takes them, `.npz` with names (`FILE.npz:ARRAY` where it has several arrays
            of vectors), or `.npy` in class order.
        root: the data root as given on the command line; the environment, the configuration file and the
            work folder are asked too.

    Raises:
        UserError: no such file or folder, a file of another kind, or a name that is no source.
    """
    if text in NAMED_FILES:
        return VectorSource("words", _named_file(text, root))
    for kind in _WITHOUT_FILE:
        if text == kind:
            return VectorSource(kind)
    if text.startswith("bert:"):
        folder = Path(text.removeprefix("bert:")).expanduser()
        if not folder.is_dir():
            raise UserError(f"The folder {folder} does not exist; bert:DIR names one with a model in it.")
        return VectorSource("bert", folder)
    file, colon, table = text.rpartition(":")
    if colon and file.endswith(".npz"):
        return VectorSource("named", _existing(Path(file).expanduser()), table)
    path = Path(text).expanduser()
    if not path.exists() and text == path.name and not path.suffix:
        raise unknown_name("source of label vectors", text, [*_NAMES, "bert:DIR", "FILE"])
    return VectorSource(_kind_of(_existing(path)), path)


def _named_file(name: str, root: Path | None) -> Path:
    roots = [root, data_root(name, None), work_folder() / "data"]
    folders = list(dict.fromkeys(folder / "vectors" for folder in roots if folder is not None))
    files = [folder / file for folder in folders for file in NAMED_FILES[name]]
    for path in files:
        if path.is_file():
            return path
    raise UserError(
        f"There is no {NAMED_FILES[name][0]} in {_either(folders)}: run `bench data download "
        f"{name}`, put the file there, or name it instead of '{name}'."
    )


def _either(folders: Iterable[Path]) -> str:
    return " or ".join(map(str, folders))


def _existing(path: Path) -> Path:
    if not path.is_file():
        sources = ", ".join(f"'{name}'" for name in _NAMES)
        raise UserError(f"The vector file {path} does not exist; give a file, or {sources}.")
    return path


def _kind_of(path: Path) -> Kind:
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".npz":
        return "named"
    if path.suffix == ".npy":
        return "ordered"
    if kind in SUFFIXES:
        return "words"
    if kind in (".pkl", ".pickle"):
        raise UserError(
            f"The vector file {path} is a pickle, which can run code when it is read; where you trust it, "
            "turn it into a .npz file with numpy.savez(FILE, labels=[class names in its order], "
            "vectors=pickle.load(...)); the published COCO vectors of ML-GCN are in alphabetical order."
        )
    raise UserError(
        f"The vector file {path} is none of .txt (GloVe), .vec or .bin (word2vec), .npz (names and vectors) "
        "or .npy (vectors in class order)."
    )
