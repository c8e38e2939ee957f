"""Which records may be compared: those made under the same conditions, and what differs between others."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.datasets.catalog import DATASETS
from bench.experiment.cell import VARIED, Vary
from bench.experiment.methods import find_method
from bench.files import canonical_json
from bench.methods.catalog import METHODS, PRIOR
from bench.records.record import Record

ORDER = [PRIOR.name, *METHODS]


def method_place(name: str) -> int:
    """Where a method stands in a table: methods of other packages, installed here or not, behind the rest."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


_ROWS: dict[Vary, str] = {"method": "methods", "loss": "losses", "backbone": "backbones"}


@dataclass(frozen=True)
class Group:
    """Records made under the same conditions: they differ in seed and one more thing alone, the method.

    Attributes:
        records: at least one.
        varies: what else they differ in, where it is not the method.
    """

    records: tuple[Record, ...]
    varies: Vary = "method"

    @property
    def first(self) -> Record:
        """Any of the records, to read the conditions from."""
        return self.records[0]

    @property
    def noun(self) -> str:
        """What its rows are, several of them."""
        return _ROWS[self.varies]

    def subtitle(self) -> str:
        """What tells it from other groups on the same data set: schedule, tune and conditions."""
        cell = self.first.cell
        return f"{cell.schedule_title()}, conditions {cell.conditions(self.varies)}"

    def row_of(self, record: Record) -> str:
        """What the row of a record is known by."""
        return record.cell.row(self.varies)

    def by_row(self) -> dict[str, list[Record]]:
        """The records of each method with its options, or of what varies, in the order of the tables."""
        rows: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(
            self.records, key=lambda r: (method_place(r.cell.method.name), self.row_of(r), r.cell.seed)
        ):
            rows[self.row_of(record)].append(record)
        return dict(rows)

    def titles(self) -> dict[str, str]:
        """What a table calls each row; no two are called the same."""
        rows = self.by_row()
        if self.varies == "loss":
            return {label: label for label in rows}
        if self.varies == "backbone":
            plain = {label: records[0].cell.backbone_title() for label, records in rows.items()}
            count = Counter(plain.values())
            return {label: title if count[title] == 1 else label for label, title in plain.items()}
        return told_apart({label: title_of(records[0]) for label, records in rows.items()})


def data_title(records: Iterable[Record]) -> str:
    """What a table calls the data set of some records: the title that its owner gave it last, else its name.

    Built-in data sets go by their names, whatever a record says.
    """
    known = list(records)
    titled = [record for record in known if record.data.title and record.cell.data not in DATASETS]
    last = max(titled, key=lambda record: (record.created, record.run_id), default=None)
    return known[0].cell.data if last is None else str(last.data.title)


def titled(title: str, groups: Iterable[Group]) -> str:
    """A title, which says so where all runs under it were measured on validation images."""
    splits = {record.cell.split for group in groups for record in group.records}
    return f"{title}, on validation images" if splits == {"validation"} else title


def told_apart(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles by name, where equal ones are followed by their names."""
    count = Counter(titles.values())
    if max(count.values(), default=1) == 1:
        return dict(titles)
    # Once more, because somebody may have given a title that looks like one of these.
    return told_apart(
        {name: f"{title} ({name})" if count[title] > 1 else title for name, title in titles.items()}
    )


def group_records(records: Iterable[Record], varies: Vary = "method") -> list[Group]:
    """Split finished records into groups that may stand in one table, in a fixed order.

    Where something else varies than the method, a group has at least two rows, and what a tune chose, which
    may be just that, is in none.
    """
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.status == "finished" and (varies == "method" or _may_vary(record)):
            # The conditions hold a hash of the data; what was measured on is compared all the same.
            sizes = canonical_json([_sizes(record), record.data.classes])
            groups[record.cell.data, record.cell.conditions(varies), sizes].append(record)
    # By the schedule's name first, because that is what a reader knows; it is no condition itself.
    names = {key: min(record.cell.schedule_name for record in groups[key]) for key in groups}
    found = [
        Group(tuple(groups[key]), varies)
        for key in sorted(groups, key=lambda key: (key[0], names[key], key[1:]))
    ]
    return [group for group in found if varies == "method" or len(group.by_row()) > 1]


def _may_vary(record: Record) -> bool:
    return record.cell.tuned is None and record.cell.method.name != PRIOR.name


def differences(one: Record, other: Record, varies: Vary = "method") -> list[str]:
    """What differs between the conditions of two records, field by field, in words, but for what varies."""
    mine, theirs = _conditions(one, varies), _conditions(other, varies)
    classes = class_difference(one.data.classes, other.data.classes)
    return classes + [
        f"{name} ({mine.get(name)}, {theirs.get(name)})"
        for name in [*mine, *(name for name in theirs if name not in mine)]
        if mine.get(name) != theirs.get(name)
    ]


def class_difference(one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    """The first class in which two label spaces differ, and whether only their order does; empty if none."""
    pairs = enumerate(zip(one, other, strict=False), start=1)
    found = [f"class {place} is {mine}, {theirs}" for place, (mine, theirs) in pairs if mine != theirs]
    what = "order" if sorted(one) == sorted(other) else "names"
    return [f"{what} of the classes ({found[0]})"] if found else []


def _sizes(record: Record) -> dict[str, object]:
    data = record.data
    return {
        "training images": data.train_images,
        "images evaluated": data.eval_images,
        "positive test labels": data.eval_labels,
        "difficult test labels": data.eval_difficult,
    }


def _conditions(record: Record, varies: Vary) -> dict[str, object]:
    cell = record.cell
    of_run, of_schedule = VARIED[varies]
    apart = {"method", "seed", "schedule_name", *of_run}
    content = cell.model_dump(
        mode="json", exclude={**dict.fromkeys(apart, True), "schedule": {"about", *of_schedule}}
    )
    schedule, protocol = content.pop("schedule"), content.pop("protocol")
    if "loss" in schedule:
        schedule["loss"] = str(record.cell.schedule.loss)
    if "method" not in of_run:
        content = {"method": cell.row(), **content}
    if cell.tuned:
        schedule |= dict.fromkeys(cell.tuned.fields, "tuned")
        content["tuned"] = f"{cell.tuned.design}, {cell.tuned.trials} trials each"
    # Files count by their hash, as in the hash of the conditions.
    content["vectors"] = cell.vectors.rpartition(":")[2]
    content["init_from"] = cell.init_from and f"{cell.init_from.sha256[:12]}, {cell.init_from.parts}"
    named = {
        **_sizes(record),
        **{f"schedule {name}": value for name, value in schedule.items()},
        **{f"protocol {name}": value for name, value in protocol.items()},
    }
    return named | {name.replace("_", " "): value for name, value in content.items()}


def title_of(record: Record) -> str:
    """The method of a record as a table prints it, with the options that differ from the published ones."""
    return method_title(record.cell.method.name, record.cell.row())


def method_title(name: str, label: str) -> str:
    """A method as a table prints it, by its name and its label with options: `resnet/pool=max`."""
    known = find_method(name)
    options = label.removeprefix(name).replace("/", " ").strip()
    return (known.title if known else name) + (f" ({options})" if options else "")
