"""Where the images of COCO's JSON lie, by the names that it gives them, and what they are called here."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bench.datasets.layouts.coco_file import file_names, shown
from bench.datasets.layouts.walk import kind_of, nearest_folder
from bench.datasets.listing import refuse_control_characters
from bench.datasets.tree import DEEPEST
from bench.errors import UserError

Ends = Sequence[PurePosixPath]
"""What a name may mean, relative to the folder of the images, the best first."""


def ends_of(name: str, path: Path) -> Ends:
    """What the name of an image in an annotation file may mean; one place where there is no doubt.

    Names with backslashes, of a web address, or that lead out of the folder begin with folders of the machine
    that wrote them, so that they may mean each of their ends.

    Raises:
        UserError: it names no file, or has a character that no file can have.
    """
    refuse_control_characters(name, str(path))
    is_address = "://" in name
    plain = PurePosixPath(name)
    if not is_address and "\\" not in name and not plain.is_absolute() and ".." not in plain.parts:
        return (plain,)
    text = _path_of(name) if is_address else name.replace("\\", "/")
    refuse_control_characters(text, str(path))
    parts = [part for part in text.split("/") if part not in ("", ".", "..")][-DEEPEST:]
    if not parts:
        raise UserError(f"{path}: the image name {shown(name)} names no file.")
    return tuple(PurePosixPath(*parts[start:]) for start in range(len(parts)))


def place_of(ends: Ends, folder: Path) -> PurePosixPath:
    """The longest end of a name that is a file in the folder of the images; where none is, the last."""
    if len(ends) == 1:
        return ends[0]
    return next((end for end in ends if kind_of(folder / end) == "file"), ends[-1])


def looked_through(names: Iterable[Ends], folder: Path) -> tuple[PurePosixPath, ...]:
    """The folders in which `place_of` looks for images, or what there is of them.

    Args:
        names: what the name of each image may mean.
        folder: of the images; the others are relative to it.
    """
    tried = {end.parent for ends in names if len(ends) > 1 for end in ends}
    return tuple(sorted({nearest_folder(folder, place) for place in tried}))


def _path_of(address: str) -> str:
    """The path in a web address; nothing where it is none."""
    try:
        return unquote(urlsplit(address).path)
    except ValueError:
        return ""


def stems_in(path: Path, folder: Path) -> set[PurePosixPath]:
    """What an annotation file calls its images, without suffix; names of no file are passed over.

    Args:
        path: the file.
        folder: of its images.
    """
    found = set()
    for name in file_names(path):
        with suppress(UserError):
            found.add(place_of(ends_of(name, path), folder).with_suffix(""))
    return found


def image_ids(
    images: Sequence[PurePosixPath], prefix: PurePosixPath, others: Set[PurePosixPath]
) -> tuple[str, ...]:
    """Names without suffix, except where only the suffix, or the folder of the split, tells images apart.

    Args:
        images: of a split, relative to the folder of its images.
        prefix: this folder.
        others: names without suffix in the other splits, where these have folders of their own.
    """
    stems = [image.with_suffix("") for image in images]
    times = Counter(stems)
    names = (stem if times[stem] == 1 else image for image, stem in zip(images, stems, strict=True))
    return tuple(
        (prefix / name if stem in others else name).as_posix()
        for name, stem in zip(names, stems, strict=True)
    )
