"""The p-values, intervals and verdicts in the prose of the READMEs are those of the committed records."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bench.compare.choose import Pair
from bench.compare.differences import Difference, compare
from bench.records.evidence import evidence_of
from bench.records.groups import group_records
from bench.records.record import Record
from bench.records.runs import Runs
from bench.records.store import RecordStore
from places import ROOT

OF_TABLES = 1000
MAIN, RESULTS = ROOT / "README.md", ROOT / "results" / "README.md"
NUMBER = re.compile(r"\bp (?:< )?[\d.]*\d|\[[+−-]?\d[^\]]*\]")
"""What has to be tied to records: a p-value, an interval."""


@dataclass(frozen=True)
class Claim:
    """A piece of a README on a difference, with the places of its numbers.

    Attributes:
        text: `{difference}`, `{size}` (without its sign), `{interval}` and `{p}` are filled in.
        a: group and method that are compared, `scenes`, `untuned` or `tuned`.
        b: with what.
        winner: which of the two the text says is ahead; nothing where neither is shown to be.
        metric: of which metric.
        file: the README.
        resamples: of the test images; as many as `bench compare` takes where it is None.
    """

    text: str
    a: str
    b: str
    winner: str = ""
    metric: str = "mAP"
    file: Path = RESULTS
    resamples: int | None = None


WHOLE = "{difference} {interval}, {p}"
ALONE = f"{WHOLE}, of this pair alone"
SALGL = "untuned salgl", "tuned resnet"
CLAIMS = (
    Claim("(SALGL {difference}, {p}); three are in CF1.", "untuned salgl", "untuned resnet", file=MAIN),
    *(
        Claim("three are in CF1.", f"untuned {graph}", "untuned resnet", winner, "CF1", MAIN)
        for graph, winner in {"salgl": "a", "ssgrl": "a", "add-gcn": "a", "ml-gcn": ""}.items()
    ),
    Claim("the linear layer is ahead of ADD-GCN ({p})", "tuned resnet", "tuned add-gcn", "a", file=MAIN),
    Claim("and ML-GCN, and cannot", "tuned resnet", "tuned ml-gcn", "a", file=MAIN),
    Claim("cannot be told from SSGRL; no", "tuned resnet", "tuned ssgrl", file=MAIN),
    *(
        Claim("no lead in CF1 is shown.", f"tuned {graph}", "tuned resnet", winner, "CF1", MAIN)
        for graph, winner in {"ssgrl": "", "add-gcn": "", "ml-gcn": "b"}.items()
    ),
    Claim("SALGL untuned cannot be told from the tuned linear layer in mAP", *SALGL, file=MAIN),
    Claim("is ahead in CF1 ({p}).", *SALGL, "a", "CF1", MAIN),
    Claim(f"ADD-GCN is ahead of ML-GCN ({WHOLE})", "scenes add-gcn", "scenes ml-gcn", "a"),
    Claim(f"and of CSRA ({WHOLE})", "scenes add-gcn", "scenes csra", "a"),
    Claim(f"(ML-Decoder {WHOLE};", "scenes add-gcn", "scenes ml-decoder"),
    Claim(f"Query2Label {WHOLE});", "scenes add-gcn", "scenes query2label"),
    Claim(
        "ahead of the baseline it is by {size} {interval}, {p} adjusted.", "scenes add-gcn", "scenes resnet"
    ),
    Claim(f"It is ahead of TDRG ({WHOLE})", "scenes add-gcn", "scenes tdrg", "a"),
    Claim(f"and of C-Tran ({WHOLE}) too", "scenes add-gcn", "scenes c-tran", "a"),
    *(
        Claim("The others cannot be told from the baseline,", f"scenes {method}", "scenes resnet")
        for method in ("ml-gcn", "ssgrl", "salgl", "csra", "query2label", "ml-decoder", "tdrg", "c-tran")
    ),
    Claim("SALGL is by {size} ({interval}, {p} adjusted)", "untuned salgl", "untuned resnet"),
    Claim(f"SSGRL ({WHOLE})", "untuned ssgrl", "untuned resnet"),
    Claim(f"ADD-GCN ({WHOLE}) cannot be told", "untuned add-gcn", "untuned resnet"),
    Claim(f"ML-GCN is behind it ({WHOLE}). SALGL", "untuned ml-gcn", "untuned resnet", "b"),
    Claim(f"SALGL is ahead of ADD-GCN ({ALONE})", "untuned salgl", "untuned add-gcn", "a"),
    Claim(f"CSRA is behind the baseline ({ALONE})", "untuned csra", "untuned resnet", "b"),
    Claim(f"which ML-Decoder cannot be told ({WHOLE})", "untuned ml-decoder", "untuned resnet"),
    *(
        Claim(text, f"untuned {method}", "untuned resnet", "a", "CF1")
        for method, name in (
            ("ml-decoder", "ML-Decoder"),
            ("salgl", "SALGL"),
            ("ssgrl", "SSGRL"),
            ("add-gcn", "ADD-GCN"),
        )
        for text in (name + " ({difference} {interval})", "are ahead of the baseline ({p} all)")
    ),
    Claim("the baseline gains {size} in mAP", "tuned resnet", "untuned resnet", "a"),
    Claim("and {size} in CF1 by a learning rate", "tuned resnet", "untuned resnet", "a", "CF1"),
    Claim(f"ADD-GCN is behind it in mAP ({WHOLE})", "tuned add-gcn", "tuned resnet", "b"),
    Claim(f"its lead in CF1 is gone ({WHOLE})", "tuned add-gcn", "tuned resnet", "", "CF1"),
    Claim(f"ML-GCN is behind it ({WHOLE}) and behind", "tuned ml-gcn", "tuned resnet", "b"),
    Claim(f"its own pooling ({WHOLE})", "tuned ml-gcn", "tuned resnet/pool=max", "b"),
    Claim(f"cannot be told from it in mAP ({WHOLE})", "tuned csra", "tuned resnet"),
    Claim(f"is ahead in OF1 ({WHOLE})", "tuned csra", "tuned resnet", "a", "OF1"),
    Claim(f"cannot be told from it either ({WHOLE})", "tuned ml-decoder", "tuned resnet"),
    Claim(f"are not shown any more ({WHOLE};", "tuned ml-decoder", "tuned resnet", "", "CF1"),
    Claim(f"; {WHOLE}). SSGRL gains", "tuned ml-decoder", "tuned resnet", "", "OF1"),
    Claim(
        "most of the graphs, {size} {interval}, by", "tuned ssgrl", "untuned ssgrl", "a", resamples=OF_TABLES
    ),
    Claim(f"cannot be told from the tuned baseline ({WHOLE}), and", "tuned ssgrl", "tuned resnet"),
    Claim(f"is not shown any more ({WHOLE}). What survives", "tuned ssgrl", "tuned resnet", "", "CF1"),
    Claim(f"from the tuned baseline ({WHOLE})", *SALGL),
    Claim(f"in CF1 ({WHOLE}) and OF1", *SALGL, "a", "CF1"),
    Claim(f"and OF1 ({WHOLE}) it is ahead of that too", *SALGL, "a", "OF1"),
    Claim(f"it is behind the baseline ({ALONE}). The table", "untuned query2label", "untuned resnet", "b"),
    Claim("ADD-GCN is {size} *worse* on", "tuned add-gcn", "untuned add-gcn", resamples=OF_TABLES),
    Claim("the schedule as it is ({interval})", "tuned add-gcn", "untuned add-gcn", resamples=OF_TABLES),
)
GAPS = {
    "(by chance {gap}, reversed": ("ResNet baseline", "scenes-independent"),
    "reversed {gap}; ADD-GCN": ("ResNet baseline", "scenes-reversed"),
    "; ADD-GCN {gap} and": ("ADD-GCN", "scenes-independent"),
    "and {gap}; SSGRL": ("ADD-GCN", "scenes-reversed"),
    "SSGRL, the most, {gap} and": ("SSGRL", "scenes-independent"),
    "and {gap}): a backbone": ("SSGRL", "scenes-reversed"),
}
"""What is lost where co-occurrence alone is changed: the text, and the row of the table `context`."""


@cache
def prose(file: Path) -> str:
    """The text without its tables, on one line."""
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.S | re.M)
    return " ".join(" ".join(line for line in text.splitlines() if not line.startswith("|")).split())


@pytest.fixture(scope="module", autouse=True)
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Replicates are made from the scores here, not found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(tmp_path_factory.mktemp("work")))
        yield


@cache
def store() -> RecordStore:
    return RecordStore(ROOT / "results")


def group_name(record: Record) -> str:
    return "scenes" if record.cell.data == "scenes" else "tuned" if record.cell.tuned else "untuned"


@cache
def runs() -> Mapping[str, tuple[Record, ...]]:
    """The runs of a method by group and label: `tuned resnet`."""
    found = {}
    for group in group_records(Runs(store()).records):
        name = group_name(group.first)
        found |= {f"{name} {label}": tuple(records) for label, records in group.by_row().items()}
    return found


@cache
def difference(claim: Claim) -> Difference:
    """As `bench compare` finds it."""
    found = compared(claim.a, claim.b, claim.resamples)
    return next(one for one in found if one.name == claim.metric)


@cache
def compared(a: str, b: str, resamples: int | None) -> tuple[Difference, ...]:
    return compare(store(), Pair(runs()[a], runs()[b], ()), resamples).metrics


def signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def said(claim: Claim) -> str:
    """The text with the numbers of the records."""
    found = difference(claim)
    value, low, high = found.difference
    p = "p < 0.001" if found.p < 0.001 else f"p {found.p:.{3 if found.p < 0.0995 else 2}f}"
    return claim.text.format(
        difference=signed(value),
        size=signed(abs(value)).removeprefix("+"),
        interval=f"[{signed(low)}, {signed(high)}]",
        p=p,
    )


def gaps() -> dict[str, str]:
    """The texts of `GAPS` with their numbers."""
    path = ROOT / "results" / "context" / "tables" / "context.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["method"], row["data"]): row for row in csv.DictReader(file)}
    filled = {}
    for text, place in GAPS.items():
        value, low, high = (float(rows[place][f"mAP gap{end}"]) for end in ("", " low", " high"))
        filled[text] = text.format(gap=f"{value:.1f} [{low:.1f}, {high:.1f}]")
    return filled


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.a}, {claim.b}, {claim.metric}")
def test_what_is_said_of_two_methods_is_what_their_records_show(claim: Claim) -> None:
    assert said(claim) in prose(claim.file)
    assert difference(claim).winner == claim.winner


@cache
def shown_in_tables() -> Mapping[str, frozenset[tuple[str, str, str]]]:
    """By group the differences that its table shows: metric, better and worse method."""
    groups = group_records(Runs(store()).records)
    return {group_name(group.first): evidence_of(store(), group).better for group in groups}


@pytest.mark.slow
def test_what_the_tables_do_not_show_is_said_to_be_of_the_pair_alone() -> None:
    """They adjust p over all pairs; a text of many pairs would find differences by their number."""
    for claim in CLAIMS:
        (group, a), (other, b) = claim.a.split(), claim.b.split()
        if claim.winner and group == other:
            order = (a, b) if claim.winner == "a" else (b, a)
            shown = (claim.metric, *order) in shown_in_tables()[group]
            assert shown != ("of this pair alone" in claim.text), claim


@pytest.mark.parametrize("text", GAPS)
def test_what_is_said_of_context_is_what_its_table_shows(text: str) -> None:
    assert gaps()[text] in prose(RESULTS)


def test_what_is_said_of_known_labels_is_what_their_table_shows() -> None:
    with (ROOT / "results" / "tables" / "known.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    moved = {name: (float(row["mAP 75 %"]) - float(row["mAP 0 %"])) / 100 for name, row in rows.items()}
    told, _ = moved.pop("C-Tran"), moved.pop("Label frequency")
    least, most = signed(max(moved.values())), signed(min(moved.values()))
    assert f"its mAP moves by {signed(told)}, that of the trained methods" in prose(RESULTS)
    assert f"on the same labels, by {least} to {most}." in prose(RESULTS)


@pytest.mark.slow
@pytest.mark.parametrize("file", [MAIN, RESULTS], ids=["main", "results"])
def test_no_p_and_no_interval_is_said_without_a_record(file: Path) -> None:
    text = prose(file)
    pieces = [said(claim) for claim in CLAIMS if claim.file == file]
    pieces += list(gaps().values()) if file == RESULTS else []
    tied = [found.span() for piece in pieces for found in re.finditer(re.escape(piece), text)]
    loose = [
        found[0]
        for found in NUMBER.finditer(text)
        if not any(start <= found.start() and found.end() <= end for start, end in tied)
    ]
    assert not loose
    assert sum(1 for _ in NUMBER.finditer(text)) >= (3 if file == MAIN else 60)
