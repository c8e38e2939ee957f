"""Two labels of one method in a tune, which draws for one what was given for the other."""

from pathlib import Path

import yaml

from bench.experiment.schedule import load_schedule
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tune.design import folder_of
from bench.tune.space import draw
from bench_command import TINY, bench
from trees import write_voc

METHODS = ("csra", "csra/heads=2")
SPACE = "about: rates that train\nschedule:\n  lr: {kind: uniform, low: 1.0e-3, high: 1.0e-2}\n"


def records(results: Path) -> list[Record]:
    return [record for record in RecordStore(results).all() if isinstance(record, Record)]


def test_two_labels_that_choose_the_same_draw_have_a_row_each(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=8)
    # Untuned it diverges, so that the one draw, with two heads for both, is what both choose.
    fields = load_schedule("frozen", {"epochs": 1, "lr": 1e30}).model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    (tmp_path / "space.yaml").write_text(SPACE)
    seed = next(seed for seed in range(99) if 0.25 <= draw(seed, 1, "csra.heads") < 0.5)
    asked = ("tune", "--methods", ",".join(METHODS), "--schedule", "mine.yaml", "--space", "space.yaml")
    more = ("--name", "heads", "--trials", "2", "--seeds", "0,1", "--design-seed", str(seed))
    asked = (*asked, *more, *TINY)
    # Trial 0 of each, the draw that they share, all with three seeds; the label frequency.
    price = bench(tmp_path, tmp_path / "data", *asked, "--dry-run").stdout
    assert "4 runs of trials and of the label frequency" in price
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0 and "another process" not in done.stdout, done.output
    assert len(records(folder_of(tmp_path / "results", "heads"))) == 3 * 3 + 1
    final = [one for one in records(tmp_path / "results") if one.history]
    assert {one.cell.method.label().partition("/lam")[0] for one in final} == {"csra/heads=2"}, "of both"
    assert sorted((one.cell.row(), one.cell.seed) for one in final) == [
        (method, seed) for method in METHODS for seed in (0, 1)
    ]
    assert len({one.cell.conditions() for one in final}) == 1, "rows of one table"
    table = bench(tmp_path, None, "tables", "voc2007-comparison").stdout
    assert "| CSRA " in table and "| CSRA (heads=2) " in table and table.count("| CSRA ") == 2
