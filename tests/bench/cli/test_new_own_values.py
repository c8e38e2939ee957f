"""`bench new dataset --from` on CSV files with columns that may say whether a label holds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench_command import bench
from described_tables import animal, described, refused, written


def melted(names: Sequence[str], cells: Callable[[int], str], rest: str = "") -> Callable[[int, str], str]:
    """A row for each of some labels of a picture, with a cell for it."""
    return lambda number, name: "\n".join(
        f"{name},{label},{cells(number + place)}{rest}" for place, label in enumerate(names)
    )


@pytest.mark.parametrize(
    ("header", "labels", "value"),
    [
        ("image,label,value,source", "label", "value"),
        ("image,variable,Present,", "variable", "Present"),
        ("ImageID,LabelName,Confidence,Source", "LabelName", "Confidence"),
    ],
)
def test_a_column_that_says_whether_labels_hold_is_taken(
    header: str, labels: str, value: str, tmp_path: Path
) -> None:
    rest = ",human" if header.endswith("ource") else ","
    row = melted(("cat", "dog"), lambda number: str(number % 2), rest)
    done = described(tmp_path, header, row)
    found = written(done, tmp_path)["csv"]
    assert (found["labels"], found["rows"], found["value"]) == (labels, "label", value)
    assert f"labels in '{labels}' where '{value}' says that they hold" in done.output
    assert ("(not used: " in done.output) == header.endswith("ource")
    assert "1.00 positive labels per image" in bench(tmp_path, None, "data", "check", "pets.yaml").output


@pytest.mark.parametrize(
    ("header", "row", "shown"),
    [
        ("value", melted(("cat", "dog"), lambda number: f"0.{number % 9 + 1}"), "'value' has 0.1"),
        (
            "value,present",
            melted(("cat", "dog"), lambda number: f"{number % 2},{number // 2 % 2}"),
            "'value' has 0",
        ),
        ("score", lambda number, name: f"{name},{animal(number)},{number % 2}", "'score' has 0"),
    ],
)
def test_what_may_say_whether_labels_hold_is_asked_about(
    header: str, row: Callable[[int, str], str], shown: str, tmp_path: Path
) -> None:
    done = described(tmp_path, f"image,label,{header}", row)
    refused(done, tmp_path, f"pets/labels.csv: its column {shown}, and may say whether the label of its row")


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    done = described(
        tmp_path,
        "image,category,cat,dog,age",
        lambda number, name: f"{name},{animal(number)},{number % 2},1,{number}",
    )
    assert written(done, tmp_path)["csv"]["labels"] == "category"
    assert "labels in 'category' (not used: 'cat', 'dog', 'age'); splits drawn" in done.output
    assert "note: columns of 0 and 1 in labels.csv that are not read: cat, dog; list them" in done.output
