"""Where a tune is kept beside the runs, and the schedule that it began with."""

from pathlib import Path

from bench.experiment.schedule import Schedule
from bench.files import read_json
from bench.names import file_name

DESIGN = "design.json"
TUNES = "tunes"


def folder_of(results: Path, name: str) -> Path:
    """Where a tune keeps its design and the records of its trials."""
    return results / TUNES / file_name(name, "tune")


def untuned_schedule(results: Path, name: str) -> Schedule | None:
    """The schedule of a tune's trial 0, in which nothing is drawn; None where no design of it can be read."""
    try:
        return Schedule(**read_json(folder_of(results, name) / DESIGN)["schedule"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
