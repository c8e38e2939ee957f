"""What a user asked to see, and what it stands for: models, images, labels, the names of files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.datasets.locate import name_of
from bench.datasets.open import open_split
from bench.datasets.opened import OpenedSplit
from bench.errors import UserError
from bench.figures.draw import selection_of
from bench.names import file_name
from bench.progress import Steps
from bench.records.groups import data_title
from bench.records.own_data import give_its_file, is_own
from bench.records.store import RecordStore
from bench.resolve import names_in, unknown_name
from bench.visualize.catalog import ViewKind
from bench.visualize.images import Shown, are_files, named_images, telling_images
from bench.visualize.models import Chosen
from bench.visualize.subject import Drawing, Subject


@dataclass(frozen=True)
class Asked:
    """What is to be shown.

    Attributes:
        runs: runs or model files; none where methods are meant.
        data: the data set, by its name or its YAML file.
        methods: methods with options; all if empty.
        images: ids in the evaluation split, or files; the most telling if empty.
        labels: names of classes; each picture's own choice if empty.
        count: how many images, where none is named; what the kind of picture shows if None.
        data_root: the folder that holds the data.
        limit: look at so many images of the evaluation split only.
        skip_bad: leave out files that cannot be read; done anyway where the runs did.
        device: that models run on.
    """

    runs: tuple[str, ...] = ()
    data: str | None = None
    methods: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    count: int | None = None
    data_root: Path | None = None
    limit: int | None = None
    skip_bad: bool = False
    device: str = "auto"


def refuse_unused(kind: ViewKind, asked: Asked) -> None:
    """UserError where an option was given that a picture makes nothing of."""
    of_images = bool(kind.images)
    given = {
        "--images": bool(asked.images) and not of_images,
        "--count": asked.count is not None and not of_images,
        "--labels": bool(asked.labels) and not kind.labels,
        "--limit-eval": asked.limit is not None and not (of_images or kind.split),
        "--count beside --images": asked.count is not None and bool(asked.images),
        "--limit-eval beside --images": asked.limit is not None and bool(asked.images),
    }
    for option, unused in given.items():
        if unused:
            raise UserError(f"The picture '{kind.name}' does not take {option}: leave it out.")


@dataclass(frozen=True)
class Source:
    """The models that were chosen, and the data set, opened when it is first needed."""

    store: RecordStore
    chosen: Chosen
    asked: Asked
    steps: Steps

    def subject(self, kind: ViewKind, note: Callable[[str], None]) -> Subject:
        """What a kind of picture is made from; `note` is told what it leaves out.

        Raises:
            UserError: as `draw_views`.
        """
        images = self._images(kind) if kind.images else ()
        split = self.split if kind.split else None
        known = self.split if split or (kind.images and not self._of_files()) else None
        classes = known.info.classes if known else self.chosen.models[0].card.classes
        self._check_classes(classes)
        return Subject(
            kind,
            self.chosen.models,
            classes,
            self._title(),
            images,
            self._labels(classes) if kind.labels else (),
            split,
            self.asked.device,
            self.steps,
            note,
        )

    @cached_property
    def split(self) -> OpenedSplit:
        """The evaluation split.

        Raises:
            UserError: as `open_split`, or it is not known of which data set.
        """
        data = self.chosen.data
        if data is None:
            raise UserError("Name the data set of these models: --data NAME, or pictures: --images FILE.")
        if is_own(data) and any(one.record and one.record.cell.data == data for one in self.chosen.models):
            raise give_its_file(data)
        validation = [m.name for m in self.chosen.models if m.record and m.record.cell.split != "test"]
        if validation:
            raise UserError(
                f"{validation[0]} was measured on a validation split, and the test split is not opened for "
                "it: name pictures with --images FILE."
            )
        asked = self.asked
        # What the runs left out is left out again, without being asked for.
        skip = asked.skip_bad or any(one.record and one.record.data.skipped for one in self.chosen.models)
        return open_split(data, "eval", asked.data_root, asked.limit, skip, self.steps(f"reading {data}"))

    def _of_files(self) -> bool:
        return bool(self._named()) and are_files(self._named())

    def _named(self) -> tuple[str, ...]:
        """The images that are named; commas separate them, but for a file that has some in its name."""
        return tuple(
            name for text in self.asked.images for name in ([text] if are_files([text]) else names_in(text))
        )

    def _images(self, kind: ViewKind) -> tuple[Shown, ...]:
        if self._named():
            return named_images(self._named(), None if self._of_files() else self.split)
        count = self.asked.count or kind.images
        return telling_images(self.chosen.models, self.store, self.split, kind.rule, count)

    def _check_classes(self, classes: tuple[str, ...]) -> None:
        for model in self.chosen.models:
            others = set(model.card.classes) ^ set(classes)
            if others:
                of = self.chosen.data or self.chosen.models[0].name
                raise UserError(
                    f"{model.name} has {len(model.card.classes)} classes and {of} {len(classes)}, not the "
                    f"same ones, {min(others)} for one: show models of the same classes together."
                )

    def _labels(self, classes: tuple[str, ...]) -> tuple[int, ...]:
        names = [
            name for text in self.asked.labels for name in ([text] if text in classes else names_in(text))
        ]
        for name in names:
            if name not in classes:
                raise unknown_name("label", name, classes)
        return tuple(dict.fromkeys(classes.index(name) for name in names))

    def _title(self) -> str:
        records = [model.record for model in self.chosen.models if model.record]
        if not records:
            return name_of(self.chosen.data) if self.chosen.data else ""
        schedules = dict.fromkeys(record.cell.schedule_title() for record in records)
        return ", ".join((data_title(records), *schedules))

    def file_stem(self, kind: ViewKind, drawing: Drawing) -> str:
        """The name of a picture's files without their ending."""
        data = name_of(self.chosen.data) if self.chosen.data else "models"
        number = f"-{self.chosen.number}" if self.chosen.number > 1 else ""
        of = drawing.of or self.chosen.selection
        images = selection_of([Path(name).name for name in self._named()], "@") if kind.images else ""
        labels = selection_of(self.asked.labels, "=") if kind.labels else ""
        return f"{file_name(data, 'data set')}-{kind.name}{number}{selection_of(of)}{labels}{images}"
