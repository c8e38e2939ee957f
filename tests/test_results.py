"""The committed tables are what the committed records and the published values give, byte for byte."""

from pathlib import Path

import pytest
import yaml

from bench.records import Record, RecordStore
from bench.tables.write import write_tables

RESULTS = Path(__file__).resolve().parents[1] / "results"


def test_the_committed_tables_are_made_from_the_committed_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_tables(RecordStore(RESULTS), tmp_path / "tables")
    made = {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    committed = {path.name: path.read_bytes() for path in (RESULTS / "tables").iterdir()}
    assert made.keys() == committed.keys()
    assert [name for name in made if made[name] != committed[name]] == []


@pytest.mark.parametrize("name", ["demo", "corel5k"])
def test_every_method_and_seed_of_the_comparison_is_there(name: str) -> None:
    asked = yaml.safe_load((RESULTS / f"{name}.yaml").read_text())
    records = [record for record in RecordStore(RESULTS).all() if isinstance(record, Record)]
    data = {"demo": "scenes", "corel5k": "corel5k"}[name]
    found = {
        (record.cell.method.label(), record.cell.seed)
        for record in records
        if record.cell.data == data and record.status == "finished"
    }
    methods = ("resnet", "ml-gcn", "ssgrl", "add-gcn", "salgl")
    assert {(method, seed) for method in methods for seed in asked["seeds"]} <= found
    assert len({record.cell.conditions() for record in records if record.cell.data == data}) == 1
