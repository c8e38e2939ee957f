"""`bench ls` and `bench show` on made records."""

from pathlib import Path

from click.testing import CliRunner, Result

from bench.cli import main
from bench.experiment.schedule import Schedule
from bench.metrics.evaluate import METRICS
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RECORD
from made_records import SCHEDULE, failed_record, made_cell, store_made

CELL = made_cell("ml-gcn/tau=0.5", seed=3)
RUN = CELL.run_id()


def bench(*arguments: str, results: Path) -> Result:
    return CliRunner().invoke(main, [*arguments, "--results", str(results)])


def test_ls_lists_every_run_on_a_line(tmp_path: Path) -> None:
    assert bench("ls", results=tmp_path).output.startswith(f"No runs under {tmp_path}; `bench run ")
    store = store_made(tmp_path, CELL, made_cell("prior"))
    store.save(failed_record(made_cell("salgl"), "the loss is nan in epoch 2"), None)
    result = bench("ls", results=tmp_path)
    assert result.exit_code == 0
    record = store.find(RUN)
    assert record.metrics
    lines = result.output.splitlines()
    assert len(lines) == 3 and lines == sorted(lines)
    assert lines[0] == f"{RUN}  mAP {100 * record.metrics.mAP:.2f}  ml-gcn/tau=0.5  made  {record.created}"
    assert lines[2] == f"{made_cell('salgl').run_id()}  failed: the loss is nan in epoch 2"


def test_show_prints_all_of_a_record(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    record = store.find(RUN)
    result = bench("show", CELL.key(), results=tmp_path)
    assert result.exit_code == 0 and record.metrics and record.cost
    text = result.output
    for name in METRICS:
        assert f"{name} {100 * record.metrics.value(name):.2f}" in text
    for value, name in zip(record.metrics.per_class_ap, record.data.classes, strict=True):
        assert value is not None and f"  AP {name}: {100 * value:.2f}\n" in text
    for field in Schedule.model_fields:
        assert field == "about" or f"{field} {getattr(SCHEDULE, field)}" in text
    for part in (
        "seed 3",
        "ml-gcn/tau=0.5",
        PROTOCOLS["bench"].describe(),
        "0123abc",
        "a CPU",
        "torch 2.11.0",
    ):
        assert part in text
    assert "epoch 1: loss 0.5000, feed feed-3-0" in text
    assert f"epoch 2: loss 0.2500, mAP {100 * record.metrics.mAP:.2f}, feed feed-3-1" in text
    for name, _ in record.cost:
        assert f"{name} " in text


def test_ls_reports_a_damaged_record(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    (store.folder / RUN / RECORD).write_text("{")
    result = bench("ls", results=tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith(f"{RUN}  damaged: {store.folder / RUN / RECORD}: ")
    assert len(result.output.splitlines()) == 1


def test_show_says_what_is_wrong(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    store.save(failed_record(made_cell("salgl")), None)
    failed = bench("show", "voc2007-salgl", results=tmp_path)
    assert failed.exit_code == 0 and "error: the loss is nan\n" in failed.output
    (store.folder / RUN / RECORD).write_text("{")
    damaged = bench("show", CELL.key(), results=tmp_path)
    assert damaged.exit_code == 2 and f"Error: The record {RUN} is damaged" in damaged.output
    unknown = bench("show", "nothing", results=tmp_path)
    assert unknown.exit_code == 2 and "`bench ls` lists the names" in unknown.output
