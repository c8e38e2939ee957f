"""What COCO's JSON is told by, and what a YAML file says of it then."""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from bench.datasets.layouts.coco_file import file_names
from bench.datasets.layouts.walk import kind_of
from bench.datasets.recognise.signs import (
    ENOUGH,
    PAIRS,
    Found,
    files_in,
    folders_below,
    plain_split,
    relative,
    splits_of,
)
from bench.datasets.recognise.table_pictures import FOLDERS
from bench.errors import UserError, cut

SPLITS = frozenset(name for pair in PAIRS for name in pair)
"""Names of splits; a folder of another name than these may hold anything."""


def coco_files(root: Path, pattern: str) -> Iterator[Found]:
    """COCO's JSON, here or in a folder below: one for all images, or one for each split."""
    found = [
        path for home in folders_below(root, 1) for path in files_in(home, pattern, ".json") if _is_coco(path)
    ]
    # COCO's key points and captions lie beside its instances.
    found = [path for path in found if path.stem.startswith("instances_")] or found
    if not found:
        return
    splits, said = splits_of(list(map(_split_of, found)))
    if "eval" not in splits and len(found) > 1:
        raise UserError(
            f"Which is the training split cannot be told of COCO's files in {root}: {_listed(found, root)}."
        )
    names = splits.values() if "eval" in splits else map(_split_of, found)
    used = {name: _only_file(name, found, root) for name in names}
    annotations = {name: relative(path, root) for name, path in used.items()}
    images = {name: relative(_pictures_of(path, root), root) for name, path in used.items()}
    seen = f"COCO's JSON {' and '.join(annotations.values())}; {said}"
    if "eval" in splits:
        yield Found("coco", {"annotations": annotations, "images": images}, splits, seen)
    else:
        (fields,) = zip(annotations.values(), images.values(), strict=True)
        yield Found("coco", dict(zip(("annotations", "images"), fields, strict=True)), splits, seen)


def _only_file(split: str, found: Sequence[Path], root: Path) -> Path:
    """The file of a split.

    Raises:
        UserError: several may be it, of which only folder or year differ.
    """
    alike = [path for path in found if plain_split(_split_of(path)) == plain_split(split)]
    if len(alike) > 1:
        raise UserError(
            f"Which file is of the split '{plain_split(split)}' cannot be told of {root}: "
            f"{_listed(alike, root)}; name one as 'annotations' in the coco section of a YAML file, or move "
            "the others away."
        )
    return alike[0]


def _listed(files: Iterable[Path], root: Path) -> str:
    return cut(", ".join(relative(path, root) for path in files), 400)


def _split_of(path: Path) -> str:
    """What a file of COCO's is of, by its name or, as Roboflow has it, that of its folder."""
    return path.parent.name if path.name.startswith("_") else path.stem.removeprefix("instances_")


def _is_coco(path: Path) -> bool:
    """Whether a file has the names of COCO's three parts, without reading all of it into memory."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return all(
                content.find(b'"%s"' % part) >= 0 for part in (b"images", b"annotations", b"categories")
            )
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


def _pictures_of(path: Path, root: Path) -> Path:
    """The folder of the images of a file of COCO's.

    Raises:
        UserError: there is none, or several may be it.
    """
    names = list(islice(file_names(path), ENOUGH))
    split = _split_of(path)
    splits = dict.fromkeys((split, plain_split(split))) if plain_split(split) in SPLITS else ()
    of_split = [place / name for name in splits for place in (root, root / "images")]
    folders = dict.fromkeys([path.parent, *of_split, root / "images", *folders_below(root, 2)])
    # Names of another machine are found by their ends.
    ends = [
        PureWindowsPath(name).name for name in names if "\\" in name or name.startswith("/") or ":" in name
    ]
    homes = _homes(names, folders) or _homes(ends, folders)
    if not homes:
        named = f"{cut(names[0])}, for one" if names else "none"
        raise UserError(f"Where its images lie cannot be told of {path}: no folder in {root} has {named}.")
    if path.parent in homes:
        return path.parent
    likely = [home for home in homes if home in of_split] or _usual(homes)
    if len(likely) > 1:
        places = " and ".join(relative(home, root) for home in likely[:3])
        raise UserError(
            f"Which folder holds the pictures cannot be told of {path}: {cut(places, 200)} have some that it "
            "names; name it as 'images' in the coco section of a YAML file."
        )
    return likely[0]


def _homes(names: Iterable[str], folders: Iterable[Path]) -> list[Path]:
    """Those of some folders that have any of some files; names that lead elsewhere are passed over."""
    plain = [PurePosixPath(name) for name in names]
    inner = [name for name in plain if not name.is_absolute() and ".." not in name.parts]
    return [home for home in folders if any(kind_of(home / name) == "file" for name in inner)]


def _usual(homes: Sequence[Path]) -> Sequence[Path]:
    """The one with a usual name, else all: the nearest may hold small copies of the pictures."""
    usual = [home for home in homes if home.name.lower() in FOLDERS]
    return usual if len(usual) == 1 else homes
