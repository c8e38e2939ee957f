"""What may stand in one table, what is named under it, and that equal records give equal bytes."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.errors import UserError
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS, Protocol
from bench.records.groups import Group, group_records
from bench.records.record import Record
from bench.records.runs import Runs
from bench.records.store import RECORD, SCORES, RecordStore
from bench.tables.beyond import BEYOND
from bench.tables.book import KINDS
from bench.tables.context import CONTEXT
from bench.tables.header import feed_statement
from bench.tables.papers.literals import PAPER_TABLES
from bench.tables.render import FORMATS
from bench.tables.write import write_tables
from made_records import SCHEDULE, failed_record, made_cell, made_record, store_made


def write_own(store: RecordStore, folder: Path, protocol: Protocol | None = None) -> list[str]:
    """Write the tables of every data set, and give the comparisons; those of papers are tested elsewhere."""
    data = sorted({record.cell.data for record in finished(store)})
    texts = write_tables(store, folder, protocol, data, ("md", "csv"))
    return texts[:: len(KINDS)]


def tables_of(store: RecordStore, folder: Path) -> dict[str, bytes]:
    write_tables(store, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def finished(store: RecordStore) -> list[Record]:
    return [record for record in store.all() if isinstance(record, Record)]


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": SCHEDULE.model_copy(update={"epochs": 9})},
        {"protocol": PROTOCOLS["ssgrl"]},
        {"data_fingerprint": "cccc-dddd"},
        {"limit_train": 8},
        {"vectors": "0123"},
        {"weights_digest": "0123"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_records_of_different_conditions_are_not_in_one_table(change: dict[str, Any], tmp_path: Path) -> None:
    cells = [
        made_cell("resnet"),
        made_cell("salgl"),
        made_cell("resnet", **change),
        made_cell("ssgrl", **change),
    ]
    store = store_made(tmp_path, *cells)
    groups = group_records(finished(store))
    methods = {
        group.first.cell.conditions(): sorted(record.cell.method.name for record in group.records)
        for group in groups
    }
    assert methods == {cells[0].conditions(): ["resnet", "salgl"], cells[2].conditions(): ["resnet", "ssgrl"]}
    (text,) = write_own(store, tmp_path / "tables")
    for cell in (cells[0], cells[2]):
        assert f"\n## made, conditions {cell.conditions()}\n" in text
    assert text.count("| Method ") == 2 and text.count("| ResNet baseline ") == 2
    assert text.count("\n- shares no table with the first one, which differs in: ") == 1


def test_the_name_of_a_schedule_makes_no_group(tmp_path: Path) -> None:
    """Equal fields are an equal schedule, so the seeds of a renamed copy count with the others."""
    copy: dict[str, Any] = {
        "schedule_name": "copy",
        "schedule": SCHEDULE.model_copy(update={"about": "the same again"}),
    }
    store = store_made(tmp_path, made_cell(seed=0), made_cell(seed=1, **copy))
    (group,) = group_records(finished(store))
    assert len(group.records) == 2


def test_data_sets_have_tables_of_their_own(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell(data="scenes"))
    texts = write_own(store, tmp_path / "tables")
    assert [text.splitlines()[0] for text in texts] == [
        "# scenes: Comparison (%)",
        "# voc2007: Comparison (%)",
    ]
    kinds = ("comparison", "cost", "per-class")
    names = [
        f"{data}-{kind}.{end}" for data in ("scenes", "voc2007") for kind in kinds for end in ("csv", "md")
    ]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == names


def test_what_is_left_out_is_named_under_its_table(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell("ssgrl"), made_cell(data="scenes"))
    damaged, failed = made_cell("ssgrl").run_id(), made_cell("salgl").run_id()
    store.save(failed_record(made_cell("salgl"), "the loss is nan in epoch 2"), None)
    (store.folder / damaged / RECORD).write_text("{")
    (store.folder / "renamed").mkdir()
    write_own(store, tmp_path / "tables")
    for kind in ("comparison", "per-class", "cost"):
        lines = (tmp_path / "tables" / f"voc2007-{kind}.md").read_text(encoding="utf-8").splitlines()
        assert f"*left out, failed: {failed}: the loss is nan in epoch 2*" in lines
        assert any(line.startswith(f"*left out, damaged: {damaged}: ") for line in lines)
        assert not any(line.startswith(("| SSGRL", "| SALGL")) for line in lines)
        other = (tmp_path / "tables" / f"scenes-{kind}.md").read_text(encoding="utf-8")
        assert damaged not in other and failed not in other
        # A folder whose name tells no data set is named under every table.
        assert "left out, damaged: renamed: " in other and "left out, damaged: renamed: " in "".join(lines)


def test_without_a_finished_record_there_is_an_error_that_names_the_others(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    with pytest.raises(UserError, match=r"^No finished run under .*; `bench run "):
        write_tables(store, tmp_path / "tables")
    store.save(failed_record(made_cell("salgl"), "the loss is nan"), None)
    with pytest.raises(UserError, match=r"left out, failed: voc2007-salgl-.*: the loss is nan"):
        write_tables(store, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_the_same_bytes_twice_and_in_any_order_of_folders(tmp_path: Path) -> None:
    cells = [made_cell(m, s, d) for m in ("salgl", "resnet") for s in (1, 0) for d in ("voc2007", "scenes")]
    store = store_made(tmp_path / "one", *cells)
    first = tables_of(store, tmp_path / "tables")
    own = [f"{data}-{kind.name}" for data in ("scenes", "voc2007") for kind in KINDS]
    tables = {f"{name}.{form}" for name in (*own, CONTEXT, BEYOND, *PAPER_TABLES) for form in FORMATS}
    assert set(first) == tables | {"index.md"}
    assert tables_of(store, tmp_path / "tables") == first
    assert tables_of(store, tmp_path / "again") == first
    assert tables_of(store_made(tmp_path / "two", *reversed(cells)), tmp_path / "turned") == first
    records = finished(store)
    assert all(
        [[r.run_id for r in rows] for rows in one.by_row().values()]
        == [[r.run_id for r in rows] for rows in other.by_row().values()]
        for one, other in zip(group_records(records), group_records(reversed(records)), strict=True)
    )


def test_tables_leave_the_records_as_they_are(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell("salgl"))
    before = {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}
    write_own(store, tmp_path / "tables", PROTOCOLS["ssgrl"])
    assert {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", PROTOCOLS)
def test_another_protocol_measures_the_stored_scores(name: str, tmp_path: Path) -> None:
    cell, protocol = made_cell("salgl"), PROTOCOLS[name]
    store = store_made(tmp_path, cell)
    (text,) = write_own(store, tmp_path / "tables", protocol)
    assert f"- protocol: {name} — {protocol.describe()}\n" in text
    scores = store.scores(store.find(cell.run_id()))
    expected = evaluate(scores.logits, scores.labels, protocol)
    row = next(line.split("|") for line in text.splitlines() if line.startswith("| SALGL"))
    assert row[3].strip().startswith(f"{100 * expected.mAP:.1f}")
    assert row[4].strip() == f"{100 * expected.CP:.1f}"
    assert name != "bench" or expected == store.find(cell.run_id()).metrics
    assert name != "ssgrl" or expected != store.find(cell.run_id()).metrics


def test_a_run_of_before_a_protocol_changed_stands_with_those_of_today(tmp_path: Path) -> None:
    then = PROTOCOLS["bench"].model_copy(update={"difficult_in_pr": "negative"})
    both = made_cell("resnet"), made_cell("resnet", protocol=then)
    store = store_made(tmp_path, *both, made_cell("salgl", protocol=then), made_cell("prior"))
    records = {record.cell.run_id(): record for record in Runs(store).records}
    assert len(records) == 3 and {record.cell.protocol for record in records.values()} == {PROTOCOLS["bench"]}
    older = store.find(made_cell("salgl", protocol=then).run_id())
    anew = records[made_cell("salgl").run_id()]
    scores = store.scores(older)
    assert anew.metrics == evaluate(scores.logits, scores.labels, PROTOCOLS["bench"]) != older.metrics
    (text,) = write_own(store, tmp_path / "tables")
    assert text.count("\n- protocol: ") == 1
    assert "\n- 1 of 3 runs were recorded by other rules, and are measured anew from their scores\n" in text
    assert [record.run_id for record in Runs(store).records].count(both[1].run_id()) == 0, "made again since"


def test_a_run_measured_under_two_protocols_is_one_run_under_a_third(tmp_path: Path) -> None:
    protocols = [PROTOCOLS["bench"], PROTOCOLS["ssgrl"]]
    store = store_made(tmp_path, *(made_cell("salgl", protocol=protocol) for protocol in protocols))
    (text,) = write_own(store, tmp_path / "tables", PROTOCOLS["salgl"])
    (row,) = [line for line in text.splitlines() if line.startswith("| SALGL")]
    assert row.split("|")[2].strip() == "1" and "±" not in row


def test_changed_scores_are_not_measured(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell("salgl"))
    paths = [store.folder / made_cell(method).run_id() / SCORES for method in ("resnet", "salgl")]
    shutil.copy(*paths)
    write_own(store, tmp_path / "tables", PROTOCOLS["ssgrl"])
    text = (tmp_path / "tables" / f"{made_cell().data}-comparison-ssgrl.md").read_text(encoding="utf-8")
    assert "ResNet baseline" in text and "| SALGL" not in text
    assert f"left out: {made_cell('salgl').run_id()}" in text
    assert "are not those that the record was written with" in text


def fed(method: str, seed: int = 0, feed: str = "same", backbone: str = "same") -> Record:
    record, _ = made_record(made_cell(method, seed))
    history = tuple(epoch.model_copy(update={"feed": f"{feed} {epoch.epoch}"}) for epoch in record.history)
    return record.model_copy(update={"history": history, "backbone_digest": backbone})


def test_the_header_says_whether_methods_were_fed_alike() -> None:
    prior, _ = made_record(made_cell("prior"))
    alike = Group((prior, fed("resnet"), fed("salgl"), fed("resnet", 1, "other", "other")))
    assert feed_statement(alike).startswith("at seed 0, which all have, all methods saw the same pixels")
    same_seeds = Group((prior, fed("resnet"), fed("salgl")))
    assert feed_statement(same_seeds).startswith("at each seed all methods saw the same pixels in the same")
    for different in (fed("ssgrl", 1, "another", "other"), fed("ssgrl", 1, "other", "another")):
        assert feed_statement(Group((*alike.records, different))).startswith("WARNING: at seed 1 ")
    vectors = [fed(name).model_copy(update={"vectors_digest": name}) for name in ("resnet", "salgl")]
    assert feed_statement(Group(tuple(vectors))).startswith("WARNING: at seed 0 ")
    assert feed_statement(Group((prior,))) == "nothing was trained"


def test_a_run_that_saw_other_pixels_in_its_last_epoch_alone_is_found() -> None:
    record = fed("salgl")
    last = record.history[-1].model_copy(update={"feed": "other"})
    changed = record.model_copy(update={"history": (*record.history[:-1], last)})
    assert feed_statement(Group((fed("resnet"), changed))).startswith("WARNING: at seed 0 ")


def test_the_command_prints_the_comparison_and_writes_the_files(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell())
    arguments = ["tables", "--results", str(tmp_path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.output.startswith(write_own(store, tmp_path / "other")[0])
    written = {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    assert written == tables_of(store, tmp_path / "again")
    measured = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "mine"), "--protocol", "ssgrl"])
    assert measured.exit_code == 0 and "- protocol: ssgrl" in measured.output
    tables = [*(f"voc2007-{kind.name}" for kind in KINDS), CONTEXT]
    names = [f"{name}-ssgrl.{form}" for name in tables for form in FORMATS]
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted([*names, "index-ssgrl.md"])


def test_a_row_has_a_seed_once_though_its_method_has_got_an_option_since(tmp_path: Path) -> None:
    now = made_cell("resnet")
    fewer = {name: value for name, value in now.method.options.items() if name != "pool"}
    before = now.model_copy(update={"method": now.method.model_copy(update={"options": fewer})})
    store = store_made(tmp_path, before)
    store.save(*made_record(now, created="2031-01-02T03:04:05+00:00"))
    runs = Runs(store)
    assert [record.run_id for record in runs.records] == [now.run_id()]
    assert runs.notes == {
        before.run_id(): f"left out: {before.run_id()}: {now.run_id()} is the same method under the same "
        "conditions and seed, made later"
    }


def test_runs_that_ended_early_were_fed_alike_as_long_as_both_were_trained() -> None:
    long, short = (made_record(made_cell(method))[0] for method in ("resnet", "salgl"))
    ended = short.model_copy(update={"history": short.history[:1]})
    assert feed_statement(Group((long, ended))) == (
        "at each seed all methods saw the same pixels in the same order until the first of them ended and "
        "started from the same backbone (hashes equal)"
    )
    fed = tuple(epoch.model_copy(update={"feed": "other pixels"}) for epoch in ended.history)
    assert "WARNING" in feed_statement(Group((long, ended.model_copy(update={"history": fed}))))
