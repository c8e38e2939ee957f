"""What `import bench` offers: the command line's work from Python, with data frames.

Everything heavy is imported by the function that needs it, so that `import bench` is quick. The functions
work from a plain script, without a main guard, and in a notebook.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import UserError
from bench.resolve import names_in

if TYPE_CHECKING:
    import pandas as pd

    from bench.datasets.info import EvaluatedOn
    from bench.experiment.matrix import Compiled, MatrixSpec, Overwrite
    from bench.experiment.start import Parts
    from bench.trained.scorer import Scorer

__all__ = ["Scorer", "UserError", "compare_methods", "load_model", "load_records", "run_matrix", "table"]


def run_matrix(
    data: str | Sequence[str],
    methods: str | Sequence[str] = "all",
    seeds: int | Sequence[int] = 0,
    *,
    schedule: str | None = None,
    settings: Mapping[str, Any] | None = None,
    protocol: str = "bench",
    vectors: str = "label-sets",
    split: "EvaluatedOn" = "test",
    init_from: Path | str | None = None,
    init_parts: "Parts | None" = None,
    data_root: Path | str | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    skip_bad: bool | Path = False,
    device: str = "auto",
    devices: int = 1,
    workers: int | None = None,
    compile: "Compiled" = False,
    log: str | Sequence[str] = (),
    results: Path | str = "results",
    overwrite: "Overwrite" = "only-missing",
    quiet: bool = False,
) -> "pd.DataFrame":
    """Train and evaluate methods on data sets at seeds, as `bench run` does.

    What is stored already is not run again; a run that was interrupted goes on from its last epoch. A run
    that fails does not stop the others: its row says why.

    Example: two methods after five epochs, on a validation split:

        run_matrix("voc2007", "resnet,ml-gcn", settings={"epochs": 5, "loss": "asl"}, split="validation")

    Args:
        data: names of data sets, or YAML files that describe one's own; several in a list, or with commas.
        methods: `all` built in and `resnet/pool=max`, or names with options (`ml-gcn/tau=0.3`).
        seeds: one or several.
        schedule: the name or YAML file of a training schedule; each data set's own if None.
        settings: fields of the schedule to change, such as epochs; they are no arguments of their own.
        protocol: how metrics are computed.
        vectors: the source of the label vectors, as `bench labels vectors --from` takes it.
        split: what is evaluated: `test`, or `validation`, which is carved from the training split and leaves
            the test split unopened.
        init_from: a model to start from, a file or a run here, in place of the schedule's weights.
        init_parts: what of that model is taken; `class-independent` if None.
        data_root: the folder that holds the data; environment and configuration file are asked if None.
        limit_train: train on so many images only.
        limit_eval: evaluate on so many images only.
        skip_bad: leave out what cannot be read, or what a file lists.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        devices: processes of this machine that share each batch.
        workers: loading processes; by device if None.
        compile: compile the models with `torch.compile`; with 'graphs' as CUDA graphs too.
        log: `tensorboard`, or names of loggers that installed packages bring.
        results: the folder of the records.
        overwrite: `only-missing`, `failed` (those too), or `always`.
        quiet: print nothing.

    Returns:
        A row for each run of the matrix, as `load_records` gives them.

    Raises:
        UserError: something in the matrix does not exist or cannot be used; nothing was trained then.
    """
    from rich.console import Console

    from bench.cli.display import open_display
    from bench.engine.planning.plan import plan
    from bench.engine.running.execute import execute
    from bench.experiment.matrix import load_matrix

    given = {
        "data": data,
        "methods": methods,
        "seeds": seeds,
        "schedule": schedule,
        "set": dict(settings or {}),
        "protocol": protocol,
        "vectors": vectors,
        "split": split,
        "init_from": init_from,
        "init_parts": init_parts,
        "data_root": data_root,
        "limit_train": limit_train,
        "limit_eval": limit_eval,
        "skip_bad": skip_bad,
        "device": device,
        "devices": devices,
        "workers": workers,
        "compile": compile,
        "log": log,
        "results": results,
        "overwrite": overwrite,
    }
    matrix = load_matrix(None, given)
    with open_display(Console(quiet=quiet or matrix.processes > 1)) as display:
        if matrix.processes > 1:
            _launch(matrix, quiet)
        cells = plan(matrix, display.task)
        if matrix.processes == 1:
            execute(matrix, cells, display)
    found = load_records(results)
    return found[found["run"].isin([cell.spec.run_id() for cell in cells])].reset_index(drop=True)


def _launch(matrix: "MatrixSpec", quiet: bool) -> None:
    """Run a matrix in processes of their own; told to stop, this one ends by that signal when they have."""
    from bench.engine.parallel.launch import launch_matrix
    from bench.stop import Stopped

    try:
        launch_matrix(matrix, quiet)
    except Stopped as stopped:
        os.kill(os.getpid(), stopped.signal)


def load_records(
    results: Path | str = "results",
    data: str | Sequence[str] = (),
    method: str | Sequence[str] = (),
    status: Literal["finished", "failed", "damaged"] | None = None,
) -> "pd.DataFrame":
    """The stored runs, as `bench ls` lists them.

    Args:
        results: the folder of the records.
        data: data sets; all if empty.
        method: methods, without options for all their variants; all if empty.
        status: all if None.

    Returns:
        A row for each run: `run`, `status`, `detail` (why it failed, is damaged, or has no metrics), `data`,
        `split` (`test` or `validation`), `method` (with options), `seed`, `schedule`, `protocol`,
        `conditions` (a hash of what a comparison holds the same), `seconds`, `created`, `version`, then every
        metric in percent, NaN where none is.

    Raises:
        UserError: nothing stored has a data set or method that is asked for.
    """
    import pandas as pd

    from bench.metrics.evaluate import METRICS
    from bench.records.listing import RunRow, run_rows
    from bench.records.store import RecordStore

    store = RecordStore(Path(results))
    rows = run_rows(store, _several(data), _several(method), (status,) if status else ())
    columns = [name for name in RunRow.__dataclass_fields__ if name != "metrics"]
    described = [{name: getattr(row, name) for name in columns} | dict(row.metrics or {}) for row in rows]
    frame = pd.DataFrame(described, columns=[*columns, *METRICS])
    return frame.astype({"seed": "Int64", "seconds": float, **dict.fromkeys(METRICS, float)})


def table(
    name: str,
    results: Path | str = "results",
    protocol: str | None = None,
    conditions: str | None = None,
) -> "pd.DataFrame":
    """A table as a data frame: numbers in percent, not rounded, NaN where there is nothing.

    Where they were measured on validation images, a first column `split` says so.

    Args:
        name: a data set, for its comparison; `DATA-per-class` or `DATA-cost`; or the table of a paper, such
            as `add-gcn-table1`; or `context`.
        results: the folder of the records.
        protocol: measure the stored scores under this protocol; the table of a paper has its own.
        conditions: the beginning of the hash of the conditions, where runs were made under several; None for
            a table of a paper and for `context`, which are over runs under any.

    Raises:
        UserError: there is no such table, the runs differ in more than method and seed and so share none, or
            conditions are named for a table that is over all of them.
    """
    from bench.metrics.protocol import resolve_protocol
    from bench.records.store import RecordStore
    from bench.tables.book import Book

    book = Book(RecordStore(Path(results)), resolve_protocol(protocol) if protocol else None)
    return book.frame(name, conditions)


def compare_methods(
    a: str,
    b: str,
    data: str | None = None,
    results: Path | str = "results",
    protocol: str | None = None,
    resamples: int | None = None,
    mixed: bool = False,
) -> "pd.DataFrame":
    """Two methods on the same test images, as `bench compare` does.

    Args:
        a: a method with its options, or runs by the beginning or end of their names, separated by commas.
        b: likewise.
        data: the data set; needed where a method is named.
        results: the folder of the records.
        protocol: measure the stored scores anew under this protocol.
        resamples: of the test images; 10,000 where it is None, or 1,000 of more than 200,000 test labels.
        mixed: compare a tuned method with an untuned one all the same.

    Returns:
        A row for each metric, each third of the classes by frequency, and each class: the values of both and
        their difference with a 95 % interval over seeds and images, in percent, and the adjusted p-value, NaN
        with fewer than three seeds of a method or, of a class, fewer than ten positives.

    Raises:
        UserError: there are no such runs, or they may not be compared.
    """
    from bench.compare.choose import pair
    from bench.compare.differences import compare
    from bench.compare.report import report
    from bench.metrics.protocol import resolve_protocol
    from bench.records.store import RecordStore

    store = RecordStore(Path(results))
    measured = resolve_protocol(protocol) if protocol else None
    runs = pair(store, a, b, data, measured, mixed=mixed)
    return report(compare(store, runs, resamples)).frame


def load_model(model: Path | str, device: str = "auto") -> "Scorer":
    """A trained or imported model that scores pictures.

    Args:
        model: a `.safetensors` file of `bench run` or `bench import-checkpoint`, or the name of a run here.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Returns:
        Its `predict(pictures)` gives the labels of each picture, `logits(pictures)` and
        `probabilities(pictures)` are `(N, C)` arrays, for files, Pillow pictures or arrays of pixels; its
        `classes` names the columns.

    Raises:
        UserError: there is no such model, or the device is not there.
    """
    from bench.trained.scorer import load_scorer

    return load_scorer(model, device)


def _several(names: str | Sequence[str]) -> list[str]:
    return names_in(names) if isinstance(names, str) else list(names)
