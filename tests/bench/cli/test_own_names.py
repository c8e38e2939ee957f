"""The name, folder or table of one's own data set, given for its file, is told from a misspelt name."""

from pathlib import Path

import pytest

from bench_command import TINY, bench
from made_records import made_cell, store_made
from trees import write_own_csv

COMMANDS = [
    ("run", *TINY, "--data"),
    ("tune", *TINY, "--data"),
    ("data", "check"),
    ("data", "prepare"),
    ("data", "stats"),
    ("labels", "graph"),
    ("labels", "vectors"),
]


def refusal(folder: Path, *command: str) -> str:
    done = bench(folder, None, *command)
    assert done.exit_code == 2 and done.stdout == "", done.output
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_name_of_ones_own_is_answered_with_its_file(command: tuple[str, ...], tmp_path: Path) -> None:
    write_own_csv(tmp_path / "base")
    (tmp_path / "bad.yaml").write_text("[", encoding="utf-8")
    said = "own is a data set of your own: give its file, base/own.yaml, in place of the name."
    assert refusal(tmp_path, *command, "own") == f"Error: {said}"
    (tmp_path / "base" / "own.yaml").unlink()
    assert "Unknown data set 'own'" in refusal(tmp_path, *command, "own")
    store_made(tmp_path / "results", made_cell("resnet", data="own"))
    assert "own is a data set of your own: give its file, FILE.yaml, in" in refusal(tmp_path, *command, "own")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_or_a_table_is_answered_with_what_describes_it(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    write_own_csv(tmp_path / "my base")
    folder = refusal(tmp_path, *command, "my base")
    assert folder.startswith(
        "Error: my base is a folder, and a data set of your own is named by the YAML file"
    )
    assert folder.endswith("`bench new dataset --from 'my base'` writes one.")
    table = refusal(tmp_path, *command, "my base/labels.csv")
    assert "labels.csv is a file, and" in table and "--from 'my base/labels.csv'` writes" in table
    assert "Did you mean 'voc2007'" in refusal(tmp_path, *command, "voc207")
