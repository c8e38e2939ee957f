"""The classes of a published checkpoint, which its file does not name: which they are, and in which order."""

from pathlib import Path
from typing import Final

from bench.datasets.listing import read_lines
from bench.datasets.locate import dataset_info, locate
from bench.datasets.prepare import with_classes
from bench.errors import UserError
from bench.methods.published.checkpoints import Publication
from bench.methods.published.constants import describe_file

ORDERS: Final = ("alphabetical", "category-id")


def class_names(order: str | None, data: str | None, root: Path | None) -> tuple[str, ...]:
    """The classes in the order of the file that lists them, or of the data set.

    Args:
        order: one of `ORDERS`, a file with one class name per line, or None.
        data: the data set that the checkpoint was trained on, or None.
        root: the folder that holds it.

    Raises:
        UserError: neither a list nor a data set is given, the list names a class twice, or one that the data
            set, where its definition names its classes, does not have.
    """
    if order is not None and order not in ORDERS:
        names = tuple(read_lines(Path(order), from_pipe=True))
        if len(set(names)) < len(names):
            raise UserError(f"The list of classes {order} names one twice.")
        # Spelled otherwise, it would be another class wherever the model is scored. The folder of the data is
        # not asked for: with a list, it may not be here.
        known = () if data is None else dataset_info(data).classes
        if known and (strange := [name for name in names if name not in known]):
            raise UserError(
                f"The list of classes {order} names {strange[0]!r}, which {data} does not have: spell it as "
                f"`bench data stats {data}` does, or leave out --data."
            )
        return names
    if data is None:
        raise UserError(
            "Which classes does the checkpoint have? Name the data set that it was trained on with --data "
            "NAME, or a file with one class name per line with --class-order FILE."
        )
    info = dataset_info(data)
    return info.classes or with_classes(info, locate(info, root)).classes


def in_order(
    names: tuple[str, ...], order: str | None, data: str | None, publication: Publication
) -> tuple[tuple[str, ...], str]:
    """The classes in the order of the checkpoint, and how that order is called.

    Raises:
        UserError: the published code used several orders, and none is given.
    """
    if order is not None and order not in ORDERS:
        return names, f"in the order of {describe_file(Path(order))}"
    alphabetical = tuple(sorted(names))
    if alphabetical == names:
        return names, f"of {data}, alphabetical"
    order = order or publication.class_order
    if order is None:
        raise UserError(
            f"In which order are the classes of {publication.code}'s checkpoint for {data}? It does "
            "not say: give --class-order alphabetical, category-id, or the file of class names that it was "
            "trained with."
        )
    return (alphabetical if order == "alphabetical" else names), f"of {data}, {order}"
