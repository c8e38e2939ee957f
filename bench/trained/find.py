"""Where the model is that a person names."""

from pathlib import Path

from bench.errors import UserError
from bench.resolve import unknown_name
from bench.settings import MODEL, work_folder


def find_model(model: Path | str) -> Path:
    """The file of a model: itself, or that of a run here by the beginning or end of the run's name.

    Raises:
        UserError: there is no such run with a model, or there are several.
    """
    path = Path(model)
    return path if path.suffix or path.is_file() else _of_run(str(model))


def _of_run(name: str) -> Path:
    runs = {path.parent.name: path for path in (work_folder() / "runs").glob(f"*/{MODEL}")}
    found = [path for run, path in runs.items() if run == name] or [
        path for run, path in runs.items() if run.startswith(name) or run.endswith(name)
    ]
    if len(found) > 1:
        raise UserError(f"{len(found)} runs with a model begin or end with '{name}': name one of them.")
    if not found:
        raise unknown_name("model or run", name, runs)
    return found[0]
