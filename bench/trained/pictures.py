"""The pictures that a person names: files, folders, patterns."""

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from bench.datasets.layouts.unnamed import is_unnamed, unnamed
from bench.datasets.layouts.walk import PICTURES
from bench.datasets.pictures.read import read_image
from bench.errors import UserError
from bench.processors import processors


def picture_files(names: Iterable[str]) -> list[Path]:
    """The files that names mean, each once, in the order of the names.

    A folder means every picture in it and below, but hidden ones, by name; a pattern with `*`, `?` or `[` the
    files that match. A file is taken as it is, whatever its name ends in, also where there is none, or a link
    that leads nowhere: it cannot be read then, like a damaged one.

    Raises:
        UserError: a folder without a picture, or a pattern that nothing matches.
    """
    return list(dict.fromkeys(path for name in names for path in _files(name)))


def passed_over(names: Iterable[str], files: Sequence[Path]) -> str:
    """A sentence on the pictures in folders that are not named as such; empty where there are none.

    Args:
        names: those of which some are folders.
        files: what is read, of which some may be named one by one.
    """
    folders = (Path(name) for name in names if Path(name).is_dir())
    read = set(map(str, files))
    found = dict.fromkeys(file for folder in folders for file in _unnamed(folder) if file not in read)
    return f"{unnamed(list(found))}: rename them, or name them one by one" if found else ""


def _files(name: str) -> Iterable[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(_visible(path, True))
        if not found:
            said = f" ({unnamed(others)})" if (others := _unnamed(path)) else ""
            raise UserError(f"There is no picture in the folder {name}{said}; name another, or the pictures.")
        return found
    if not path.exists() and glob.has_magic(name):
        matches = glob.glob(name, recursive=True)  # noqa: PTH207 - it takes absolute patterns too
        found = [match for match in sorted(map(Path, matches)) if not match.is_dir()]
        if not found:
            raise UserError(f"No file matches {name}; where the shell is to expand it, leave out the quotes.")
        return found
    return [path]


def _visible(folder: Path, pictures: bool) -> Iterator[Path]:
    """The files below a folder whose names end as those of pictures do, or the others."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if (path.suffix.lower() in PICTURES) == pictures and not hidden and not path.is_dir():
            yield path


def _unnamed(folder: Path) -> list[str]:
    return [str(path) for path in sorted(_visible(folder, False)) if is_unnamed(path)]


def readable(
    files: Sequence[Path], at_once: int, unreadable: Callable[[Path, str], None]
) -> Iterator[list[tuple[Path, Image.Image]]]:
    """Pictures, so many at once, decoded side by side; what cannot be read is told and left out.

    Args:
        files: of the pictures.
        at_once: how many in a list, but for those that cannot be read.
        unreadable: called with each of them and the reason.
    """
    with ThreadPoolExecutor(max_workers=min(at_once, processors())) as pool:
        for start in range(0, len(files), at_once):
            several = files[start : start + at_once]
            found = []
            for path, picture in zip(several, pool.map(_read, several), strict=True):
                if isinstance(picture, OSError):
                    unreadable(path, picture.strerror or str(picture))
                else:
                    found.append((path, picture))
            yield found


def _read(path: Path) -> Image.Image | OSError:
    try:
        return read_image(path)
    except OSError as error:
        return error
