"""Where the model is that a person names."""

from pathlib import Path

from bench.errors import UserError
from bench.methods.backbones.initial_weights import SUFFIXES
from bench.records.store import RecordStore
from bench.resolve import named_like, unknown_name
from bench.settings import MODEL, work_folder


def find_model(model: Path | str, results: Path = Path("results")) -> Path:
    """The file of a model: itself, or that of a run here by the beginning or end of the run's name.

    Args:
        model: what was named.
        results: the folder of the records, to say so where one is there without its model.

    Raises:
        UserError: there is no such run with a model, or there are several.
    """
    path = Path(model).expanduser()
    # The name of a data set, and with it that of a run, may have a dot.
    is_path = path.is_file() or path.suffix in SUFFIXES or path.name not in ("", str(path))
    return path if is_path else _of_run(str(model), results)


def _of_run(name: str, results: Path) -> Path:
    runs = {path.parent.name: path for path in (work_folder() / "runs").glob(f"*/{MODEL}")}
    found = named_like(name, runs)
    if len(found) > 1:
        raise UserError(f"{len(found)} runs with a model begin or end with '{name}': name one of them.")
    if found:
        return runs[found[0]]
    stored = named_like(name, [path.name for path in sorted(RecordStore(results).folder.glob("[!.]*"))])
    if stored:
        raise UserError(
            f"The record of {stored[0]} is stored, but its model is not in {work_folder() / 'runs'}: train "
            "it again with `bench run --overwrite always`, or name the file of a model."
        )
    if not runs:
        raise UserError(
            f"There is no model '{name}', and no run with a model in {work_folder() / 'runs'}: name a file, "
            "or train one with `bench run`."
        )
    raise unknown_name("model or run", name, runs)
