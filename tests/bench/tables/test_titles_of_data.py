"""The title that somebody gives a data set of their own, wherever it is shown; older records have none."""

import json
import re
from pathlib import Path

import pytest

from bench.datasets.catalog import DATASETS
from bench.datasets.locate import dataset_info
from bench.engine.running.run import _given_title
from bench.records.record import Record
from bench.records.store import RECORD, RecordStore
from bench_command import TINY, bench
from made_records import made_cell, made_record
from trees import write_own_csv

TITLE = "Birds & <b>bees</b> | of 2024"


def titled(
    store: RecordStore, method: str, title: str | None, data: str = "birds", year: int = 2030
) -> Record:
    record, scores = made_record(made_cell(method, data=data), created=f"{year}-01-02T03:04:05+00:00")
    sizes = record.data.model_copy(update={"title": title})
    return store.save(record.model_copy(update={"data": sizes}), scores)


def tables(folder: Path) -> dict[str, str]:
    done = bench(folder, None, "tables", "--format", "md,html,tex,csv")
    assert done.exit_code == 0, done.output
    return {path.name: path.read_text("utf-8") for path in (folder / "results" / "tables").iterdir()}


@pytest.mark.slow
def test_the_title_in_the_yaml_file_reaches_tables_and_pages(tmp_path: Path) -> None:
    write_own_csv(tmp_path, split=False)
    (tmp_path / "birds.yaml").write_text(
        "name: birds\ntitle: Birds of the North\ncsv: {images: photos}\nsplits: {train: 0.5}\n"
    )
    run = ("run", "--methods", "resnet", *TINY, "--data", "birds.yaml", "--epochs", "1")
    done = bench(tmp_path, None, *run)
    assert done.exit_code == 0, done.output
    written = tables(tmp_path)
    assert written["birds-cost.md"].startswith("# Birds of the North: Cost\n\n- data: birds, ")
    assert "<h1>Birds of the North: Comparison (%)</h1>" in written["birds-comparison.html"]
    assert "| Birds of the North: Cost " in written["index.md"]
    assert bench(tmp_path, None, "leaderboard").exit_code == 0
    page = (tmp_path / "results" / "leaderboard" / "leaderboard.html").read_text("utf-8")
    text = (tmp_path / "results" / "leaderboard" / "leaderboard.md").read_text("utf-8")
    assert "<h2>Birds of the North</h2>" in page and "Birds of the North mAP</th>" in page
    assert "\n## Birds of the North\n" in text and "Birds of the North mAP" in text
    assert bench(tmp_path, None, "plot", "learning", "--format", "svg").exit_code == 0
    picture = (tmp_path / "results" / "figures" / "birds-learning.svg").read_text("utf-8")
    assert "<!-- Birds of the North, identical: learning curves" in picture
    compared = bench(tmp_path, None, "compare", "resnet", "prior", "--data", "birds")
    assert compared.exit_code == 0 and compared.stdout.startswith("Birds of the North: "), compared.output
    (name,) = [path.name for path in (tmp_path / "results" / "runs").glob("*resnet*")]
    assert "birds, Birds of the North, " in bench(tmp_path, None, "show", name).stdout


def test_older_records_go_on_and_the_last_title_counts(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    old = titled(store, "resnet", None)
    assert "title" not in json.loads((store.folder / old.run_id / RECORD).read_text())["data"]
    assert tables(tmp_path)["birds-cost.md"].startswith("# birds: Cost\n")
    titled(store, "salgl", "Second", year=2032)
    titled(store, "ml-gcn", "First", year=2031)
    found = tables(tmp_path)
    assert found["birds-cost.md"].startswith("# Second: Cost\n")
    rows = [line for line in found["birds-comparison.md"].splitlines() if line.startswith("| ")]
    assert len(rows) == 4, "one table: the title is none of the conditions"
    assert not re.search("First|Second", found["birds-comparison.csv"]), "numbers go by the name"


def test_a_title_is_text_in_every_format(tmp_path: Path) -> None:
    titled(RecordStore(tmp_path / "results"), "resnet", TITLE)
    found = tables(tmp_path)
    assert found["birds-cost.md"].startswith("# Birds & &lt;b>bees&lt;/b> | of 2024: Cost\n")
    assert r"\caption{Birds \& <b>bees</b> | of 2024: Cost}" in found["birds-cost.tex"]
    assert "<b>bees" not in found["birds-cost.html"].partition("<table>")[0]
    assert r"\|" in next(line for line in found["index.md"].splitlines() if "Cost" in line)
    assert bench(tmp_path, None, "leaderboard").exit_code == 0
    page = (tmp_path / "results" / "leaderboard" / "leaderboard.html").read_text("utf-8")
    assert "<b>bees" not in page and "Birds &amp; &lt;b&gt;bees&lt;/b&gt; | of 2024" in page


def test_two_data_sets_of_one_title_are_told_apart(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    for data in ("birds", "birds2"):
        titled(store, "resnet", "Birds", data)
    assert bench(tmp_path, None, "leaderboard").exit_code == 0
    text = (tmp_path / "results" / "leaderboard" / "leaderboard.md").read_text("utf-8")
    assert "Birds (birds) mAP" in text and "\n## Birds (birds2)\n" in text


def test_what_is_built_in_keeps_its_own_name_and_an_impossible_title_is_damage(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    titled(store, "resnet", "Mine", "voc2007")
    assert tables(tmp_path)["voc2007-cost.md"].startswith("# voc2007: Cost\n")
    bad = titled(store, "salgl", "Mine", "birds")
    path = store.folder / bad.run_id / RECORD
    for title in ('""', f'"{"x" * 201}"', "7"):
        path.write_text(path.read_text("utf-8").replace('"title": "Mine"', f'"title": {title}'))
        done = bench(tmp_path, None, "ls")
        assert done.exit_code == 0 and "damaged: " in done.output and "title" in done.output
        path.write_text(path.read_text("utf-8").replace(f'"title": {title}', '"title": "Mine"'))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", None),
        ("title: own", None),
        ("title: '  '", None),
        ("title: 'Two   lines'", "Two lines"),
        (f"title: {'y' * 500}", None),
    ],
)
def test_whatever_the_title_is_a_run_can_be_recorded(line: str, expected: str | None, tmp_path: Path) -> None:
    write_own_csv(tmp_path, split=False)
    path = tmp_path / "own.yaml"
    path.write_text(f"name: own\ncsv: {{images: photos}}\nsplits: {{train: 0.5}}\n{line}\n")
    title = _given_title(dataset_info(str(path)))
    if "yyy" in line:
        assert title is not None and len(title) <= 200 and title.startswith("yyy")
    else:
        assert title == expected
    assert _given_title(DATASETS["voc2007"]) is None
