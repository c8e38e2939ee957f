"""The runs that a picture is drawn from, with what every picture needs of them: labels, titles, legends."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.errors import UserError
from bench.figures.look import UNWRITTEN, Lettering, lettering
from bench.figures.palette import Style, styles
from bench.records.groups import Group, data_title
from bench.records.record import Record
from bench.records.store import RecordStore, Scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Runs under equal conditions.

    Attributes:
        group: the runs.
        store: where their scores are.
        several: whether there are runs on the data set under other conditions too.
    """

    group: Group
    store: RecordStore
    several: bool = False

    @cached_property
    def rows(self) -> Mapping[str, list[Record]]:
        """The runs of each method, over its seeds, in the order of the tables."""
        return self.group.by_row()

    @cached_property
    def styles(self) -> Mapping[str, Style]:
        """How each method is drawn."""
        return styles(self.rows)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the C classes."""
        return self.group.first.data.classes

    @cached_property
    def lettering(self) -> Lettering:
        """What all its texts are written with."""
        words = (data_title(self.group.records), self.group.first.cell.schedule_title())
        return lettering((*self.classes, *self.group.titles().values(), *words))

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes as they can be drawn; `#3` where no font has the letters of the third."""
        return self.lettering.names(self.classes)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """`(N, C)`, the labels of the evaluation split: 1, 0 or -1; equal for all runs of a group."""
        return self.scores(self.group.first).labels

    @cached_property
    def frequency(self) -> NDArray[np.int64]:
        """`(C,)`, how many images of the evaluation split have each class."""
        counts: NDArray[np.int64] = (self.labels == 1).sum(axis=0, dtype=np.int64)
        return counts

    def scores(self, record: Record) -> Scores:
        """The scores of a run; UserError where they are not those that the record was written with."""
        return self.store.scores(record)

    def trained(self) -> dict[str, list[Record]]:
        """The methods that were trained here, epoch by epoch: all but the floor and imported models.

        Raises:
            UserError: there is none.
        """
        found = {label: records for label, records in self.rows.items() if all(r.history for r in records)}
        if not found:
            raise UserError(
                f"No run on {self.group.first.cell.data} was trained here: there is nothing to draw."
            )
        return found

    def title(self, label: str) -> str:
        """A method as tables print it."""
        return self.lettering.text(self.group.titles()[label])

    def heading(self, what: str, shown: Iterable[int] = ()) -> str:
        """Title of a picture: what it shows, on what, over how many seeds.

        Args:
            what: it shows.
            shown: the classes that are named in it; a second line says what a number for one means.
        """
        counts = sorted({len(records) for label, records in self.rows.items() if label != "prior"} or {1})
        seeds = "–".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        cell = self.group.first.cell
        which = f", conditions {cell.conditions()}" if self.several else ""
        which += "" if cell.split == "test" else f", {cell.split} images"
        named = "seed" if counts[-1] == 1 else "seeds"
        title = f"{data_title(self.group.records)}, {cell.schedule_title()}{which}: {what} ({seeds} {named})"
        numbered = any(not self.lettering.can_write(self.classes[c]) for c in shown)
        return self.lettering.text(title) + (f"\n{UNWRITTEN}" if numbered else "")

    def most_frequent(self, at_most: int) -> list[int]:
        """Positions of the classes that occur most, in the data set's order; all where they are few."""
        return sorted(np.argsort(-self.frequency, kind="stable")[:at_most].tolist())

    def class_ap(self, label: str) -> Floats:
        """`(S, C)`, AP in percent of every class at every seed; NaN without positives, or where not kept."""
        nothing = (None,) * len(self.classes)
        found = [record.metrics.per_class_ap or nothing for record in self.rows[label] if record.metrics]
        return 100 * np.array(found, dtype=np.float64)

    def legend(self, figure: Figure, labels: Iterable[str], handle: Callable[[Style], Artist]) -> None:
        """A legend under the picture, with an entry for each of the methods."""
        titles = {self.title(label): handle(self.styles[label]) for label in labels}
        # An entry takes about as much as its longest title and a sample of the line.
        columns = max(1, int(figure.get_figwidth() / (0.075 * max(map(len, titles)) + 0.6)))
        figure.legend(
            list(titles.values()),
            list(titles),
            loc="outside lower center",
            ncols=min(columns, len(titles)),
            frameon=False,
        )


def shown_of(shown: int, total: int) -> str:
    """How many of the classes a picture shows, in words."""
    return f"the {shown} most frequent of {total} classes" if shown < total else f"{total} classes"
