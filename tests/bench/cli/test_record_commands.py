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
    head, *lines = result.output.splitlines()
    assert head.split() == ["Data", "Schedule", "Method", "Seed", "mAP", "Status", "Ended", "(UTC)", "Run"]
    assert [line.split()[2] for line in lines] == ["prior", "ml-gcn/tau=0.5", "salgl"], "as in the tables"
    value = f"{100 * record.metrics.mAP:.2f}"
    ended = record.created.partition("+")[0].replace("T", " ").split()
    assert lines[1].split() == ["voc2007", "made", "ml-gcn/tau=0.5", "3", value, "finished", *ended, RUN]
    assert "failed: the loss is nan in epoch 2" in lines[2]
    assert len({line.index("voc2007-") for line in lines}) == 1, "aligned"


def test_show_prints_all_of_a_record(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    record = store.find(RUN)
    result = bench("show", CELL.key(), results=tmp_path)
    assert result.exit_code == 0 and record.metrics and record.cost
    text = result.output
    rows = [line.split() for line in text.splitlines()]
    for name in METRICS:
        plain, top3 = name.removesuffix("_top3"), name.endswith("_top3")
        (row,) = [row for row in rows if row[:1] == [plain]]
        assert row[2 if top3 else 1] == f"{100 * record.metrics.value(name):.2f}"
    for value, name in zip(record.metrics.per_class_ap, record.data.classes, strict=True):
        assert value is not None and [name, f"{100 * value:.2f}"] in rows
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
    assert ["1", "0.5000", "feed-3-0"] in rows
    assert ["2", "0.2500", f"{100 * record.metrics.mAP:.2f}", "feed-3-1"] in rows
    for name, value in record.cost:
        assert (name.replace("_", " ") in text) == (value is not None)


def test_ls_reports_a_damaged_record(tmp_path: Path) -> None:
    store = store_made(tmp_path, CELL)
    (store.folder / RUN / RECORD).write_text("{")
    result = bench("ls", results=tmp_path)
    assert result.exit_code == 0
    _, line = result.output.splitlines()
    assert f"damaged: {store.folder / RUN / RECORD}: " in line and line.endswith(RUN)


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
