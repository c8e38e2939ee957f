"""From records to tables: pure functions to data frames, then rendering as a last, separate step."""
