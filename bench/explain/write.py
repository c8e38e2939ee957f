"""Write the page of an explanation."""

from pathlib import Path

from bench.compare.choose import Pair
from bench.explain.explain import Explanation
from bench.explain.looks import Look, look_of
from bench.explain.page import page_of, render
from bench.files import write_text
from bench.names import file_name, named_after

LONGEST = 70
"""Bytes of each of the names that a page is named after."""


def page_path(results: Path, pair: Pair) -> Path:
    """Where the page of two methods goes, by their names, or those of their runs where it is one method.

    The page of what was measured on the validation split does not replace that of the test split.
    """
    labels = [records[0].cell.row() for records in (pair.a, pair.b)]
    if labels[0] == labels[1]:
        labels = ["+".join(record.run_id for record in records) for records in (pair.a, pair.b)]
    cell = pair.a[0].cell
    a, b, data = (named_after(name, LONGEST) for name in (*labels, cell.data))
    split = "-validation" if cell.split == "validation" else ""
    return results / "explain" / file_name(f"{a}-vs-{b}-{data}{split}.html", "page", 3 * LONGEST + 60)


def write_page(found: Explanation, path: Path, shown: int, maps: bool, device: str) -> None:
    """Write the page.

    Args:
        found: what was found.
        path: the file.
        shown: how many labels of images are shown as the largest gains, and as losses.
        maps: show what the methods look at, where their models are here and the pictures too.
        device: that the models run on: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        UserError: the device is not there.
    """
    write_text(path, render(page_of(found, _looks(found, maps, device), shown)))


def _looks(found: Explanation, maps: bool, device: str) -> tuple[Look, Look]:
    sides = found.sides.a, found.sides.b
    if not maps:
        return Look("No maps: they were not asked for."), Look("")
    if not found.material.pictures:
        return Look("No maps: there are no pictures."), Look("")
    return look_of(sides[0], device), look_of(sides[1], device)
