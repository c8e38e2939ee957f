"""What each layout is told by, and what a YAML file says of it then: a function for each."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from bench.datasets.layout import YOLO, HuggingFace
from bench.datasets.layouts import hugging_face, yolo
from bench.datasets.layouts.arrow import ArrowTable
from bench.datasets.layouts.unnamed import unnamed_notes
from bench.datasets.layouts.walk import entries, kind_of
from bench.datasets.layouts.yolo_data import SPLITS
from bench.datasets.tree import is_hidden
from bench.errors import UserError, cut
from bench.files import read_mapping

DRAWN = 0.8
"""The share of the images to train on, where the data names no splits."""
PAIRS = (
    ("trainval", "test"),
    *(
        (one, two)
        for one in ("train", "training")
        for two in ("test", "testing", "val", "valid", "validation", "dev", "eval")
    ),
)
"""Names of the split to train on and of the one to evaluate on; the first that are both there."""
SPLIT_NAMES = frozenset(chain.from_iterable(PAIRS))
"""Names of splits: a column that has no others says the splits, whatever it is called."""
ALONE = r"(?<![a-z]){}(?![a-z])"
"""A word that is no part of another, as in train_labels.csv and val/_classes.csv."""
_SPLIT = re.compile(ALONE.format(f"({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})"), re.IGNORECASE)
LABELS = (
    *("labels", "label", "tags", "tag", "classes", "class", "categories", "category", "keywords"),
    *("labelname", "label_name"),
)
ENOUGH = 5
"""Names of images that are looked for."""
EVERY = "*"
"""The pattern of files where no single one was named."""


class Found(NamedTuple):
    """A data set that was recognised.

    Attributes:
        section: the name of its layout in the YAML file.
        fields: what stands there.
        splits: what stands under `splits`.
        seen: what it was told by, for a person.
    """

    section: str
    fields: dict[str, Any]
    splits: dict[str, Any]
    seen: str


Sign = Callable[[Path, str], Iterator[Found]]
"""Gives every data set of one layout in a folder whose file, where it has one, has a name of this pattern.

Raises a UserError where there is one of which something cannot be told.
"""


def plain_split(name: str) -> str:
    """The name of a split as PAIRS has it: `Train2017` is `train`."""
    return re.sub(r"[\d_-]+$", "", name.lower())


def words_of(column: str) -> set[str]:
    """The words in the name of a column: `Image Index` has two."""
    return set(re.split(r"[\W_]+", column.lower()))


def pair(names: Iterable[str]) -> tuple[str, str] | None:
    """The split to train on and the one to evaluate on, if their names tell."""
    names = tuple(names)
    plain = {plain_split(name): name for name in names}
    plain |= {name: name for name in names if name in plain}  # train is meant where train2 is there, too
    return next(((plain[one], plain[two]) for one, two in PAIRS if one in plain and two in plain), None)


def split_named(file: Path, root: Path) -> str:
    """The first name of a split in that of a file or of its folders; empty where there is none."""
    found = _SPLIT.search(relative(file, root))
    return found[1] if found else ""


def splits_of(names: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What stands under `splits`, and the same for a person; drawn unless the names tell."""
    chosen = pair(names)
    if chosen is None:
        return {"train": DRAWN, "seed": 0}, f"splits drawn, {DRAWN:.0%} to train on"
    others = [name for name in names if name not in chosen]
    more = f" (there are {', '.join(others)} too)" if others else ""
    return {"train": chosen[0], "eval": chosen[1]}, f"trained on {chosen[0]}, evaluated on {chosen[1]}{more}"


def files_in(folder: Path, pattern: str, *endings: str) -> list[Path]:
    """The files of a folder, by the endings of their names; hidden ones are passed over."""
    found = (path for path in sorted(folder.glob(pattern)) if path.name.endswith(endings))
    return [path for path in found if kind_of(path) == "file" and not path.name.startswith(".")]


def folders_below(root: Path, depth: int) -> list[Path]:
    """A folder and those in it, the nearest first; those of no owner and links are passed over."""
    found, level = [root], [root]
    for _ in range(depth):
        inner = (path for home in level for path in sorted(home.iterdir()) if not is_hidden(path.name))
        level = [path for path in inner if path.is_dir() and not path.is_symlink()]
        found += level
    return found


def relative(path: Path, root: Path) -> str:
    """A path as a YAML file has it."""
    return path.relative_to(root).as_posix()


def yolo_files(root: Path, pattern: str) -> Iterator[Found]:
    """A data.yaml, whatever it is called: it has names and a split."""
    for file in files_in(root, pattern, ".yaml", ".yml"):
        try:
            content = read_mapping(file, "file")
        except UserError:
            continue  # something else
        if "names" in content and any(content.get(key) for keys in SPLITS.values() for key in keys):
            splits, said = splits_of(yolo.labelled_splits(root, YOLO(file.name)))
            yield Found("yolo", {"data": file.name}, splits, f"YOLO's {file.name}; {said}")


def hugging_face_tables(root: Path, pattern: str) -> Iterator[Found]:
    """What `save_to_disk` wrote, or parquet files."""
    saved = ("dataset_dict.json", "state.json")
    if pattern == EVERY:
        tables = [*files_in(root, EVERY, *saved, ".parquet"), *files_in(root, "data/*", ".parquet")]
        places = ["."] if tables or any(map(_has_tables_of_splits, (root, root / "data"))) else []
    else:
        places = [relative(path, root) for path in files_in(root, pattern, ".parquet")]
    for data in places:
        layout = HuggingFace(data)
        image, labels = _columns(hugging_face.first_table(root, layout), root / data)
        splits, said = splits_of(hugging_face.split_names(root, layout))
        seen = f"tables in {data}: pictures in '{image}', labels in '{labels}'; {said}"
        yield Found("huggingface", {"data": data, "image": image, "labels": labels}, splits, seen)


def _has_tables_of_splits(home: Path) -> bool:
    """Whether the folders of two splits, by their names, hold parquet files: `train/0000.parquet`."""
    folders = folders_below(home, 1)[1:] if kind_of(home) == "folder" else []
    names = pair([folder.name for folder in folders]) or ()
    return bool(names) and all(files_in(home / name, EVERY, ".parquet") for name in names)


def _columns(table: ArrowTable, place: Path) -> tuple[str, str]:
    """The columns of the pictures and of the labels."""
    kinds = ("struct<bytes: ", "binary", "large_binary")
    images = [name for name, kind in table.columns.items() if kind.startswith(kinds)]
    labels = [name for known in LABELS for name in table.columns if name.lower() == known][:1]
    labels = labels or [name for name in table.columns if table.class_names(name)]
    for found, what in ((images, "the pictures"), (labels, "the labels")):
        if len(found) != 1:
            there = cut(", ".join(table.columns), 400)
            raise UserError(f"Which column holds {what} cannot be told of {place}; its columns are: {there}.")
    return images[0], labels[0]


def class_folders(root: Path, pattern: str) -> Iterator[Found]:
    """Folders with pictures, or folders of such, here or in the only folder there is."""
    if pattern != EVERY:
        return
    inside = entries(root, root)
    home = root / inside.folders[0] if len(inside.folders) == 1 and not inside.pictures else root
    held = {name: entries(home / name, root) for name in entries(home, root).folders}
    classes = [name for name, of in held.items() if of.pictures]
    nested = [
        name for name, of in held.items() if any(entries(home / name / x, root).pictures for x in of.folders)
    ]
    splits, said = splits_of(nested)
    if pair(classes):
        there = cut(", ".join(classes), 400)
        raise UserError(
            f"The labels cannot be told of {home}: it holds pictures in folders like splits, {there}."
        )
    if nested and "eval" not in splits:
        there = cut(", ".join(nested), 400)
        raise UserError(
            f"Which split to train on cannot be told of the folders of folders in {home}: {there}."
        )
    if nested or len(classes) > 1:
        seen = f"a folder for each class in {relative(home, root)}; {said}"
        yield Found("folders", {"folder": relative(home, root)}, splits, seen)
        return
    others = [f"{relative(home / name, root)}/{other}" for name, of in held.items() for other in of.others]
    for note in unnamed_notes(root, root, others):
        raise UserError(f"The pictures in {home} are not known by their names: {note}.")
