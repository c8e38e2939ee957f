"""Columns of an arrow or parquet file, row by row. Read by pyarrow, which runs no code of the file."""

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
        columns: the type of each column, in arrow's words: `list<item: int64>`.

    Args:
        path: the file.

    Raises:
        UserError: pyarrow is not installed, or it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._arrow: Any = import_module("pyarrow")
            self._parquet: Any = import_module("pyarrow.parquet")
        except ImportError as error:
            raise UserError(
                f"{path} is read by the package pyarrow: pip install 'mlr-bench[huggingface]'."
            ) from error
        with path.open("rb") as file, self._refusing_damage():
            schema, _ = self._open(file, None)
            self.columns = {field.name: str(field.type) for field in schema}
            self._names: list[str] = schema.names
            self._metadata: dict[bytes, bytes] = schema.metadata or {}

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """The classes that a column numbers; None where the file does not name any.

        Raises:
            UserError: they are no names.
        """
        return _class_names(self._metadata, column, self._path)

    def rows(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """What some columns hold in each row, as Python's values.

        Raises:
            UserError: the file is damaged, or lacks a column.
        """
        self._require(columns)
        with self._path.open("rb") as file:
            with self._refusing_damage():
                _, batches = self._open(file, columns)
            parts = self._parts(batches, columns)
            while True:
                # Around the reading alone: what is done with the rows has errors of its own.
                with self._refusing_damage():
                    part = next(parts, None)
                if part is None:
                    return
                yield from part

    def _open(self, file: BinaryIO, columns: tuple[str, ...] | None) -> tuple[Any, Iterator[Any]]:
        """The schema, and the batches of rows with these columns at least."""
        if self._path.suffix == ".parquet":
            table = self._parquet.ParquetFile(file)
            return table.schema_arrow, table.iter_batches(AT_ONCE, columns=columns)
        stream = self._arrow.ipc.open_stream(file)
        return stream.schema, iter(stream)

    @staticmethod
    def _parts(batches: Iterator[Any], columns: tuple[str, ...]) -> Iterator[list[tuple[Any, ...]]]:
        for batch in batches:
            batch.validate(full=True)
            for start in range(0, batch.num_rows, AT_ONCE):
                parts = (batch.column(name).slice(start, AT_ONCE) for name in columns)
                yield list(zip(*(part.to_pylist() for part in parts), strict=True))

    def _require(self, columns: tuple[str, ...]) -> None:
        for column in columns:
            if self._names.count(column) != 1:
                found = "several columns" if column in self.columns else "no column"
                there = cut(", ".join(self._names), 400)
                raise UserError(f"{self._path} has {found} '{column}'; its columns are: {there}.")

    @contextmanager
    def _refusing_damage(self) -> Iterator[None]:
        try:
            yield
        except (self._arrow.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
            kind = "parquet" if self._path.suffix == ".parquet" else "arrow"
            raise UserError(
                f"{self._path} is no {kind} file that can be read: {cut(one_line(error))}."
            ) from error


def _class_names(metadata: dict[bytes, bytes], column: str, path: Path) -> tuple[str, ...] | None:
    """The names of a ClassLabel, or of a list of them, as Hugging Face's datasets note them in a file."""
    try:
        feature: Any = json.loads(metadata[b"huggingface"])["info"]["features"][column]
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
