"""Eight pictures and a table of them, described by `bench new dataset --from`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml
from click.testing import Result

from bench_command import bench
from trees import write_picture

NAMES = tuple(f"{number:02}.jpg" for number in range(8))


def described(
    folder: Path, header: str, row: Callable[[int, str], str], places: Sequence[str] = ("photos",)
) -> Result:
    """Describe eight pictures, which lie in some folders by turns, and a table with a row for each."""
    pets = folder / "pets"
    for number, name in enumerate(NAMES):
        place = pets / places[number % len(places)]
        place.mkdir(parents=True, exist_ok=True)
        write_picture(place / name, seed=number)
    lines = [header] if header else []
    text = "\n".join([*lines, *(row(number, name) for number, name in enumerate(NAMES))])
    (pets / "labels.csv").write_text(text, encoding="utf-8")
    return bench(folder, None, "new", "dataset", "--from", "pets")


def animal(number: int) -> str:
    return ("cat", "dog")[number // 2 % 2]


def refused(done: Result, folder: Path, message: str) -> None:
    assert done.exit_code == 2 and message in done.output, done.output
    assert done.output.count("\n") == 1 and not (folder / "pets.yaml").exists()


def written(done: Result, folder: Path) -> dict[str, dict[str, object]]:
    assert done.exit_code == 0, done.output
    found: dict[str, dict[str, object]] = yaml.safe_load((folder / "pets.yaml").read_text())
    checked = bench(folder, None, "data", "check", "pets.yaml")
    assert checked.exit_code == 0, checked.output
    return found
