"""From records to tables: pure functions to data frames, then rendering as a last, separate step."""

from bench.tables.write import table

__all__ = ["table"]
