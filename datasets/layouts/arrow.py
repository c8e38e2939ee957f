"""Two columns of an arrow or parquet file, row by row. Read by pyarrow, which runs no code of the file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from bench.datasets.listing import refuse_control_characters
from bench.errors import UserError, cut, one_line

AT_ONCE = 64
"""Rows that are made values of at a time."""


class ArrowTable:
    """An arrow stream, as Hugging Face's datasets save one, or a parquet file.

    Attributes:
        names: the classes that the labels number; None where the file does not name any.

    Args:
        path: the file.
        image: its column of pictures.
        labels: its column of labels.

    Raises:
        UserError: pyarrow is not installed; it is no such file, or lacks a column.
    """

    def __init__(self, path: Path, image: str, labels: str) -> None:
        self._path, self._columns = path, [image, labels]
        try:
            self._arrow: Any = import_module("pyarrow")
            self._parquet: Any = import_module("pyarrow.parquet")
        except ImportError as error:
            raise UserError(
                f"{path} is read by the package pyarrow: pip install 'mlr-bench[huggingface]'."
            ) from error
        with path.open("rb") as file, self._refusing_damage():
            schema, _ = self._open(file)
            self._require_columns(schema.names)
            self.names = _class_names(schema.metadata, labels, path)

    def rows(self) -> Iterator[tuple[Any, Any]]:
        """Picture and labels of each row, as Python's values.

        Raises:
            UserError: the file is damaged.
        """
        with self._path.open("rb") as file:
            with self._refusing_damage():
                _, batches = self._open(file)
            parts = self._parts(batches)
            while True:
                # Around the reading alone: what is done with the rows has errors of its own.
                with self._refusing_damage():
                    part = next(parts, None)
                if part is None:
                    return
                yield from part

    def _open(self, file: BinaryIO) -> tuple[Any, Iterator[Any]]:
        """The schema and the batches of rows."""
        if self._path.suffix == ".parquet":
            table = self._parquet.ParquetFile(file)
            return table.schema_arrow, table.iter_batches(AT_ONCE, columns=self._columns)
        stream = self._arrow.ipc.open_stream(file)
        return stream.schema, iter(stream)

    def _parts(self, batches: Iterator[Any]) -> Iterator[list[tuple[Any, Any]]]:
        for batch in batches:
            batch.validate(full=True)
            for start in range(0, batch.num_rows, AT_ONCE):
                image, labels = (batch.column(name).slice(start, AT_ONCE) for name in self._columns)
                yield list(zip(image.to_pylist(), labels.to_pylist(), strict=True))

    def _require_columns(self, there: list[str]) -> None:
        for column in self._columns:
            if there.count(column) != 1:
                found = "no column" if column not in there else "several columns"
                raise UserError(
                    f"{self._path} has {found} '{column}'; its columns are: {cut(', '.join(there), 400)}."
                )

    @contextmanager
    def _refusing_damage(self) -> Iterator[None]:
        try:
            yield
        except (self._arrow.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
            kind = "parquet" if self._path.suffix == ".parquet" else "arrow"
            raise UserError(
                f"{self._path} is no {kind} file that can be read: {cut(one_line(error))}."
            ) from error


def _class_names(metadata: dict[bytes, bytes] | None, column: str, path: Path) -> tuple[str, ...] | None:
    """The names of a ClassLabel, or of a list of them, as Hugging Face's datasets note them in a file."""
    try:
        feature: Any = json.loads((metadata or {})[b"huggingface"])["info"]["features"][column]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if isinstance(feature, list) and len(feature) == 1:  # older releases
        feature = feature[0]
    elif isinstance(feature, dict) and "feature" in feature:
        feature = feature["feature"]
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        raise UserError(f"{path}: the ClassLabel '{column}' has no list of names that differ.")
    return tuple(checked_name(name, f"{path}: a class of '{column}'") for name in names)


def checked_name(name: Any, where: str) -> str:
    """The name of a class.

    Raises:
        UserError: it is none.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"{where} is {cut(repr(name))}, which names no class; leave it out.")
    refuse_control_characters(name, where)
    return name
