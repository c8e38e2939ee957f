"""What COCO's JSON is told by, and what a YAML file says of it then."""

import mmap
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from bench.datasets.layouts.coco_file import file_names
from bench.datasets.layouts.walk import kind_of
from bench.datasets.recognise.signs import (
    ENOUGH,
    Found,
    files_in,
    folders_below,
    plain_split,
    relative,
    splits_of,
)
from bench.errors import UserError, cut


def coco_files(root: Path, pattern: str) -> Iterator[Found]:
    """COCO's JSON, here or in a folder below: one for all images, or one for each split."""
    found = [
        path for home in folders_below(root, 1) for path in files_in(home, pattern, ".json") if _is_coco(path)
    ]
    # COCO's key points and captions lie beside its instances.
    files = {_split_of(path): path for path in found if path.stem.startswith("instances_")} or {
        _split_of(path): path for path in found
    }
    if not files:
        return
    splits, said = splits_of(list(files))
    if "eval" not in splits and len(found) > 1:
        names = cut(", ".join(relative(path, root) for path in found), 400)
        raise UserError(f"Which is the training split cannot be told of COCO's files in {root}: {names}.")
    used = {name: files[name] for name in splits.values()} if "eval" in splits else files
    annotations = {name: relative(path, root) for name, path in used.items()}
    images = {name: relative(_pictures_of(path, root), root) for name, path in used.items()}
    seen = f"COCO's JSON {' and '.join(annotations.values())}; {said}"
    if "eval" in splits:
        yield Found("coco", {"annotations": annotations, "images": images}, splits, seen)
    else:
        (fields,) = zip(annotations.values(), images.values(), strict=True)
        yield Found("coco", dict(zip(("annotations", "images"), fields, strict=True)), splits, seen)


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
    """The folder of the images of a file of COCO's."""
    names = list(islice(file_names(path), ENOUGH))
    splits = dict.fromkeys((_split_of(path), plain_split(_split_of(path))))
    of_split = [root / place / split for split in splits for place in (".", "images")]
    nearest = [path.parent, *of_split, root / "images"]
    folders = [*nearest, *folders_below(root, 2)]
    # Names of another machine are found by their ends.
    elsewhere = (
        PureWindowsPath(name).name for name in names if "\\" in name or name.startswith("/") or ":" in name
    )
    home = _home_of(names, folders) or _home_of(elsewhere, folders)
    if home is None:
        named = f"{cut(names[0])}, for one" if names else "none"
        raise UserError(f"Where its images lie cannot be told of {path}: no folder in {root} has {named}.")
    return home


def _home_of(names: Iterable[str], folders: Iterable[Path]) -> Path | None:
    """The first of some folders that has any of some files; names that lead elsewhere are passed over."""
    plain = [PurePosixPath(name) for name in names]
    inner = [name for name in plain if not name.is_absolute() and ".." not in name.parts]
    return next((home for home in folders if any(kind_of(home / name) == "file" for name in inner)), None)
