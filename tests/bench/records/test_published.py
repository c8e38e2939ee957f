"""The published values: every line is resolvable and in range, and what the sources get wrong is known."""

import csv
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from bench.datasets.catalog import DATASETS
from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.metrics.evaluate import METRICS
from bench.records.published import AP, PrintedRow, PublishedValue, cite, published_rows, references
from places import ROOT

FOLDER = ROOT / "results" / "published"

# Rows whose printed mAP is not the mean of their printed APs.
OTHER_MEAN = {
    ("ye2020addgcn", "table2", "ResNet-101"): 90.90,
    ("ye2020addgcn", "table2", "FeV+LV"): 91.88,
    ("ma2023sadcl", "voc2007", "GM-MLIC"): 95.20,
    ("ma2023sadcl", "voc2007", "TDRG"): 94.94,
}


def of(source: str, table: str, row: str) -> list[PrintedRow]:
    return [
        one
        for one in published_rows()
        if (one.facts.source, one.facts.table, one.facts.row) == (source, table, row)
    ]


def test_every_value_has_a_method_a_data_set_a_metric_and_a_range() -> None:
    """What the schema checks, checked again from the files as they are."""
    lines = [
        line for path in sorted(FOLDER.glob("*.csv")) for line in csv.DictReader(path.open(encoding="utf-8"))
    ]
    assert len(lines) > 4100
    for line in lines:
        assert list(line) == list(PublishedValue.model_fields)
        assert line["data"] in DATASETS, line
        assert not line["method"] or parse_methods((line["method"],))[0].label() == line["method"]
        assert not line["value"] or 0 <= float(line["value"]) <= 100, line
        assert line["metric"] in METRICS or line["metric"].removeprefix(AP) in DATASETS[line["data"]].classes
        assert line["source"] in references()
    assert sum(len(row.values) for row in published_rows()) == len(lines)


def test_no_value_is_there_twice() -> None:
    identity = ("source", "table", "row", "data", "backbone", "train_size", "test_size", "weights")
    keys = [
        (metric, *(getattr(row.facts, name) for name in identity))
        for row in published_rows()
        for metric in row.values
    ]
    assert len(keys) == len(set(keys))


def test_every_source_has_a_citation_and_every_citation_a_source() -> None:
    sources = {row.facts.source for row in published_rows()}
    assert sources == set(references())
    for key, entry in references().items():
        assert entry["title"] and (entry.get("year", "").isdigit() or entry["url"].startswith("https://")), (
            key
        )
        assert entry["title"] in cite(key)
    text = (FOLDER / "references.bib").read_text(encoding="utf-8")
    assert len(re.findall(r"^@", text, re.MULTILINE)) == len(sources)
    assert text.count("{") == text.count("}")


def test_the_aps_of_a_row_average_to_its_map() -> None:
    checked, other = 0, {}
    for row in published_rows():
        aps = [value for metric, value in row.values.items() if metric.startswith(AP) and value is not None]
        stated = row.values.get("mAP")
        if aps and len(aps) == len(DATASETS[row.facts.data].classes) and stated is not None:
            mean = sum(aps) / len(aps)
            checked += 1
            # One decimal: the rounding of twenty values hardly moves their mean, that of the mean by 0.05.
            if abs(mean - stated) > 0.06:
                other[row.facts.source, row.facts.table, row.facts.row] = mean
                (noted,) = re.findall(r"the mean of the printed APs is (\d+\.\d\d)", row.notes["mAP"])
                assert float(noted) == pytest.approx(mean, abs=0.00501), "to two decimals, either way"
    assert checked > 60
    assert other == pytest.approx(OTHER_MEAN, abs=0.006)


def test_an_f1_that_is_not_the_harmonic_mean_is_noted() -> None:
    """CP and CR are printed to 0.1, which moves their harmonic mean by 0.05 at most, and F1 by 0.05 more."""
    noted = 0
    for row in published_rows():
        for kind in ("C", "O"):
            for end in ("", "_top3"):
                p, r, f1 = (row.values.get(f"{kind}{name}{end}") for name in ("P", "R", "F1"))
                if p is None or r is None or f1 is None:
                    continue
                harmonic = 2 * p * r / (p + r)
                note = row.notes.get(f"{kind}F1{end}", "")
                if abs(harmonic - f1) > 0.15:
                    assert f"{harmonic:.2f}" in note, (row.facts, kind, end)
                    noted += 1
                elif "harmonic" in note:
                    assert abs(harmonic - f1) > 0.09, (row.facts, kind, end)
    assert noted > 50


def test_values_of_the_papers() -> None:
    """Read again from the papers, one row each."""
    (ours,) = of("ye2020addgcn", "table1", "Ours")
    assert (ours.facts.method, ours.facts.train_size, ours.facts.test_size) == ("add-gcn", 448, 512)
    names = (
        "mAP",
        "CP",
        "CR",
        "CF1",
        "OP",
        "OR",
        "OF1",
        "CP_top3",
        "CR_top3",
        "CF1_top3",
        "OP_top3",
        "OR_top3",
    )
    assert [ours.values[name] for name in (*names, "OF1_top3")] == [
        *(85.2, 84.7, 75.9, 80.1, 84.9, 79.4, 82.0),
        *(88.8, 66.2, 75.8, 90.3, 68.5, 77.9),
    ]
    alone, pre = of("chen2019ssgrl", "voc2007", "SSGRL") + of("chen2019ssgrl", "voc2007", "SSGRL (pre)")
    assert (alone.values["mAP"], pre.values["mAP"]) == (93.4, 95.0)
    assert (alone.facts.weights, pre.facts.weights) == ("imagenet", "coco")
    (vg500,) = of("chen2019ssgrl", "vg500", "SSGRL")
    assert vg500.values == {"mAP": 36.6}
    salgl = {row.facts.test_size: row.values["mAP"] for row in of("zhu2023salgl", "coco", "SALGL")[:2]}
    assert salgl == {448: 85.8, 576: 87.3}
    csra = {row.values["mAP"]: row for row in published_rows() if row.facts.source == "csra-code"}
    stated = {value: row.facts.weights for value, row in csra.items()}
    assert stated == {
        **dict.fromkeys((94.7, 95.2, 96.8, 85.6), "imagenet"),
        **dict.fromkeys((83.3, 86.5, 86.9)),
    }
    assert all("with CutMix" in csra[value].notes["mAP"] for value in (95.2, 96.8, 85.6))
    assert "torchvision weights" in csra[94.7].notes["mAP"]
    nothing = [row for row in published_rows() if None in row.values.values()]
    assert {(row.facts.source, row.facts.table, row.facts.row) for row in nothing} == {
        ("ye2020addgcn", "fig3", "SAM"),
        ("ye2020addgcn", "fig3", "D-GCN"),
        ("zhu2023salgl", "voc2007", "SALGL"),
    }
    assert all(row.notes for row in nothing)


def test_splits_are_told_apart() -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for row in published_rows():
        if row.facts.same_split == "yes":
            splits[row.facts.data].add(row.facts.split)
    assert all(len(found) == 1 for found in splits.values()), splits
    for data, (split,) in splits.items():
        info = DATASETS[data]
        for name in (info.train_split, info.eval_split):
            assert f" {info.counts[name].images}" in split


WRONG = [
    ("value", "100.5", "'value' is '100.5': input should be less than or equal to 100"),
    ("value", "high", "'value' is 'high': input should be a valid number"),
    ("method", "ad-gcn", "'method' is 'ad-gcn': unknown method 'ad-gcn'. Did you mean 'add-gcn'?"),
    ("method", "add-gcn/graph=static-dynamic", "write it as add-gcn"),
    ("method", "add-gcn/graph=both", "input should be 'static-dynamic'"),
    ("data", "coco", "unknown data set 'coco'. Did you mean 'coco2014'?"),
    ("metric", "AP:dogs", "Unknown class 'dogs'. Did you mean 'dog'?"),
    ("metric", "F1", "Unknown metric 'F1'."),
    ("kind", "stolen", "'kind' is 'stolen'"),
    ("row", "", "'row' is None"),
    ("test_size", "0", "'test_size' is '0'"),
]


@pytest.mark.parametrize(("field", "text", "message"), WRONG, ids=[f"{f}-{t}" for f, t, _ in WRONG])
def test_a_wrong_line_is_named(field: str, text: str, message: str, tmp_path: Path) -> None:
    lines = list(csv.reader((FOLDER / "ssgrl.csv").open(encoding="utf-8")))
    lines[4][lines[0].index(field)] = text
    with (tmp_path / "ssgrl.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    with pytest.raises(UserError) as refused:
        published_rows(tmp_path)
    assert str(refused.value).startswith("ssgrl.csv, line 5: ") and message in str(refused.value)


def test_a_value_that_is_there_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    text = (FOLDER / "ssgrl.csv").read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    head, first = text.splitlines()[:2]
    (tmp_path / "b.csv").write_text(f"{head}\n{first.replace('83.8', '83.9')}\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"^b.csv, line 2: mAP of 'SSGRL' .* is given twice; .* a.csv, line 2 too"
    ):
        published_rows(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"source,table\n", r"^x.csv, line 1: the columns have to be source, table, row, "),
        (b"", r"^x.csv, line 1: the columns have to be "),
        (b"\xff\xfe", r"^x.csv, line 1: "),
    ],
)
def test_a_file_that_is_none_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        published_rows(tmp_path)


def test_a_line_that_is_cut_is_named(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "ssgrl.csv", tmp_path)
    with (tmp_path / "ssgrl.csv").open("a") as file:
        file.write("chen2019ssgrl,coco\n")
    with pytest.raises(UserError, match=r"^ssgrl.csv, line 100: it has not 18 cells\.$"):
        published_rows(tmp_path)


def test_a_citation_without_a_title_or_twice_is_named(tmp_path: Path) -> None:
    bib = tmp_path / "references.bib"
    bib.write_text("@misc{one,\n  url = {https://x.org},\n}\n")
    with pytest.raises(UserError, match="the entry one has no title"):
        references(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "references.bib").write_text("@misc{one,\n  title = {A}\n}\n@misc{one,\n  title = {B}\n}\n")
    with pytest.raises(UserError, match="the key one is there twice"):
        references(other)


def test_a_citation_is_one_line() -> None:
    assert cite("zhu2023salgl") == (
        "Zhu et al., Scene-Aware Label Graph Learning for Multi-Label Image Classification, "
        "International Conference on Computer Vision (ICCV), 2023"
    )
    assert cite("leilei-mlgcn") == (
        "yu-gi-oh-leilei, ML-GCN, a reproduction, https://github.com/yu-gi-oh-leilei/ML-GCN_cvpr2019"
    )


def test_every_value_that_was_given_is_here(shared: Path) -> None:
    """All but times, memory, parameter counts, and the gains of Fig. 3, which are differences of values."""
    given: Counter[tuple[str, float]] = Counter()
    elsewhere: set[tuple[str, float]] = set()
    twice = ("more_methods.csv", "CSRA-README")
    for path in sorted((shared / "published").glob("*.csv")):
        for line in csv.DictReader(path.open(encoding="utf-8")):
            metric = re.sub(r"@last_epoch$| \(.*\)$", "", line["metric"]).replace("AP_", AP, 1)
            if metric in METRICS or metric.startswith(AP):
                # A selection of the other files, and a README that another file has too.
                if path.name == "nuswide.csv" or (path.name, line["table_id"]) == twice:
                    elsewhere.add((metric, float(line["value"])))
                else:
                    given[metric, float(line["value"])] += 1
    assert elsewhere <= set(given)
    here = Counter(
        (metric, value)
        for row in published_rows()
        if row.facts.table != "fig3"
        for metric, value in row.values.items()
        if value is not None
    )
    assert here == given
