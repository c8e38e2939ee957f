"""Which models are looked into: those that are named, else one for each method under equal conditions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.datasets.locate import name_of
from bench.engine.models.find_model import find_model
from bench.engine.models.model_file import ModelCard, read_card
from bench.errors import UserError
from bench.figures.draw import labels_asked
from bench.methods.catalog import GROUPS, PRIOR
from bench.records.groups import Group, group_records, method_place, method_title, title_of, told_apart
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.resolve import unknown_name
from bench.settings import MODEL, work_folder


@dataclass(frozen=True)
class Model:
    """A model to be looked into.

    Attributes:
        name: of the run, or of the file.
        title: as tables print the method; no two that are shown together have the same.
        label: of the method with its options.
        tag: what a picture of it alone is named after: the label; with the seed where it was named itself.
        path: of the model.
        card: of the model.
        record: of the run that made it; None for a file without one here.
    """

    name: str
    title: str
    label: str
    tag: str
    path: Path
    card: ModelCard
    record: Record | None


@dataclass(frozen=True)
class Chosen:
    """Models, and what their pictures are named after.

    Attributes:
        models: in the order of the tables.
        data: the data set, by the name that it was given or that the runs have; None where none is known.
        number: the place of their conditions among those of the runs on the data set, from 1.
        selection: what was asked for by name, part by part; none where all methods were taken.
    """

    models: tuple[Model, ...]
    data: str | None
    number: int
    selection: tuple[str, ...]


def choose_models(
    store: RecordStore,
    runs: Sequence[str],
    data: str | None,
    methods: Sequence[str],
    note: Callable[[str], None],
) -> Chosen:
    """The models that are asked for.

    Where no run is named, those of one set of conditions on one data set: of those that are asked for, the
    one with models of the most methods, the first of equals in the order of the tables. Of each method it is
    the run with the smallest seed that has a model in the work folder.

    Args:
        store: the records.
        runs: runs by the beginning or end of their names, or model files; none where methods are meant.
        data: the data set, by its name or its YAML file; any if None.
        methods: methods with options, as `bench run` takes them; all if empty.
        note: told what else there is.

    Raises:
        UserError: there is no such run or method, or none has a model here.
    """
    if runs:
        if methods:
            raise UserError("--runs names models one by one: leave out --methods.")
        return _named(store, runs, data)
    with_model = _records_with_model(store)
    wanted_data = data and name_of(data)
    of_data = [one for one in with_model if wanted_data in (None, one.cell.data)]
    if not of_data:
        raise _no_model(store, with_model, wanted_data)
    there = {record.cell.row() for record in of_data}
    labels = labels_asked([one for text in methods for one in _in_group(text, there)], there)
    asked = [record for record in of_data if not labels or record.cell.row() in labels]
    best = max(group_records(asked), key=lambda group: len(group.by_row()))
    number = _number(store, best)
    others = sorted({record.cell.data for record in asked} - {best.first.cell.data})
    if others:
        note(f"of models on {best.first.cell.data}; there are others, on {', '.join(others)}: --data NAME")
    records = [rows[0] for rows in best.by_row().values()]
    return Chosen(_models(records), data or best.first.cell.data, number, tuple(sorted(labels)))


def _in_group(text: str, labels: set[str]) -> Sequence[str]:
    """The methods of a group that there are models of; the text itself where it names no group."""
    return [name for name in GROUPS[text] if name in labels] if text in GROUPS else [text]


def _named(store: RecordStore, runs: Sequence[str], data: str | None) -> Chosen:
    found = list(dict.fromkeys(_file_of(store, run) for run in runs))
    loaded = [(path, store.load(path.parent.name) if path.name == MODEL else None) for path in found]
    records = {path: record if isinstance(record, Record) else None for path, record in loaded}
    models = [_tagged(_model(path, record)) for path, record in records.items()]
    wanted = data and name_of(data)
    for model in models:
        if wanted and model.record and model.record.cell.data != wanted:
            raise UserError(f"{model.name} is a run on {model.record.cell.data}, not on {wanted}.")
    of = {record.cell.data for record in records.values() if record}
    if data is None and len(of) > 1:
        raise UserError(f"The runs are on several data sets, {', '.join(sorted(of))}: name runs on one.")
    return Chosen(_in_order(models), data or next(iter(of), None), 1, tuple(model.tag for model in models))


def _file_of(store: RecordStore, run: str) -> Path:
    """The model of a run; what `find_model` says where no run has that name, else why it has none."""
    try:
        return find_model(run)
    except UserError:
        folders = [path.name for path in store.folder.glob("[!.]*") if path.is_dir()]
        named = [name for name in folders if name == run] or [
            name for name in folders if name.startswith(run) or name.endswith(run)
        ]
        if len(named) != 1:
            raise
        record = store.load(named[0])
        if isinstance(record, Record) and record.cell.method.name == PRIOR.name:
            raise UserError(f"{named[0]} looks at no image, so it has no model: name another run.") from None
        raise UserError(
            f"{named[0]} has no model in {work_folder() / 'runs'}: set BENCH_WORK to the work folder that it "
            "was trained in, or train it again with `bench run --overwrite always`."
        ) from None


def _records_with_model(store: RecordStore) -> list[Record]:
    """The finished runs on test splits whose models are in the work folder."""
    folder = work_folder() / "runs"
    return [
        record
        for record in store.all()
        if isinstance(record, Record)
        and (record.status, record.cell.split) == ("finished", "test")
        and (folder / record.run_id / MODEL).is_file()
    ]


def _no_model(store: RecordStore, with_model: Sequence[Record], data: str | None) -> UserError:
    if with_model and data:
        return unknown_name("data set of the stored models", data, {r.cell.data for r in with_model})
    return UserError(
        f"No run under {store.folder} has a model in {work_folder() / 'runs'}; `bench run --methods all "
        f"--data {data or 'scenes'}` makes some, and --runs FILE takes models from elsewhere."
    )


def _number(store: RecordStore, group: Group) -> int:
    """The place of a set of conditions among those on the data set, models or not, as `bench plot` counts."""
    data, conditions = group.first.cell.data, group.first.cell.conditions()
    records = [one for one in store.all() if isinstance(one, Record) and one.cell.data == data]
    known = [one.first.cell.conditions() for one in group_records(records)]
    return 1 + known.index(conditions)


def _models(records: Iterable[Record]) -> tuple[Model, ...]:
    folder = work_folder() / "runs"
    return _in_order([_model(folder / record.run_id / MODEL, record) for record in records])


def _model(path: Path, record: Record | None) -> Model:
    card = read_card(path)
    if record is not None:
        label = record.cell.row()
        return Model(record.run_id, title_of(record), label, label, path, card, record)
    label, name = card.method.label(), path.parent.name if path.name == MODEL else path.stem
    return Model(name, method_title(card.method.name, label), label, name, path, card, None)


def _in_order(models: Sequence[Model]) -> tuple[Model, ...]:
    """In the order of the tables, with titles that tell them apart: by seed, or by name."""
    titles = [model.title for model in models]
    seeded = [
        replace(model, title=f"{model.title}, seed {model.record.cell.seed}")
        if model.record and titles.count(model.title) > 1
        else model
        for model in models
    ]
    apart = told_apart({str(model.path): model.title for model in seeded})
    titled = [replace(model, title=apart[str(model.path)]) for model in seeded]
    return tuple(
        sorted(titled, key=lambda m: (method_place(m.card.method.name), m.label, _seed(m), str(m.path)))
    )


def _seed(model: Model) -> int:
    return model.record.cell.seed if model.record else -1


def _tagged(model: Model) -> Model:
    """A model that was named itself: beside it there may be another seed of the method."""
    return replace(model, tag=f"{model.label}/s{_seed(model)}") if model.record else model
