"""The tables of the papers as typed literals: their columns in the printed order, and what fits into them."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.datasets.classes import COCO_CLASSES, VOC_CLASSES
from bench.methods.catalog import METHODS
from bench.records.published import AP


@dataclass(frozen=True)
class PaperColumn:
    """A column of numbers.

    Attributes:
        title: the heading as printed.
        metric: a name of `METRICS`, or `AP:CLASS`.
        data: the data set that it was measured on.
        span: the heading over it and its neighbours.
    """

    title: str
    metric: str
    data: str
    span: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table of a source.

    Attributes:
        name: what the user types, and the name of its files.
        title: what it shows, and where it stands in its source.
        source: key of the citation.
        table: its rows in the published values.
        protocol: how the source measures, and how runs are measured to stand in it.
        columns: in the printed order.
        methods: the methods with options that it compares; reproductions and runs of these stand in it.
        remark: what a reader has to know of it.
        recipe: the packaged schedule after its source's code; that of the name of the protocol if empty.
    """

    name: str
    title: str
    source: str
    table: str
    protocol: str
    columns: tuple[PaperColumn, ...]
    methods: tuple[str, ...]
    remark: str = ""
    recipe: str = ""

    def data(self) -> tuple[str, ...]:
        """The data sets of its columns, each once."""
        return tuple(dict.fromkeys(column.data for column in self.columns))


def columns_of(data: str, span: str, metrics: Iterable[str], ending: str = "") -> tuple[PaperColumn, ...]:
    """A column for each metric, under a common heading."""
    return tuple(PaperColumn(metric, metric + ending, data, span) for metric in metrics)


_PR = ("CP", "CR", "CF1", "OP", "OR", "OF1")


def _all_and_top3(data: str) -> tuple[PaperColumn, ...]:
    return (*columns_of(data, "All", ("mAP", *_PR)), *columns_of(data, "Top-3", _PR, "_top3"))


_VOC_TITLES = (
    *("aero", "bike", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "table", "dog"),
    *("horse", "mbike", "person", "plant", "sheep", "sofa", "train", "tv"),
)


def _voc(data: str, titles: tuple[str, ...] = _VOC_TITLES) -> tuple[PaperColumn, ...]:
    classes = (PaperColumn(title, AP + name, data) for title, name in zip(titles, VOC_CLASSES, strict=True))
    return (*classes, PaperColumn("mAP", "mAP", data))


_ABLATION = (
    *columns_of("coco2014", "MS-COCO", ("mAP", "OF1", "CF1")),
    *columns_of("voc2007", "VOC 2007", ("mAP", "OF1", "CF1")),
)
_BASELINES = ("resnet", "resnet/pool=max")
_ADD_GCN = (*_BASELINES, "ml-gcn", "ssgrl", "add-gcn")
_ML_GCN = (*_BASELINES, "ml-gcn")
_TDRG = ("tdrg/attention=batch", "tdrg")
_EVERY = (*_BASELINES, *(name for name in METHODS if name != "resnet"))
_NOT_READ = "The paper's table could not be read. Its columns are not known either; these are the usual ones."


def _add_gcn(
    table: str, title: str, columns: tuple[PaperColumn, ...], methods: tuple[str, ...]
) -> PaperTable:
    place = f"Figure {table[3:]}" if table.startswith("fig") else f"Table {table[5:]}"
    return PaperTable(
        f"add-gcn-{table}", f"ADD-GCN, {place}: {title}", "ye2020addgcn", table, "add-gcn", columns, methods
    )


def _variants(option: str, *values: str) -> tuple[str, ...]:
    return (*(f"add-gcn/{option}={value}" for value in values), "add-gcn")


_GRAPHS = ("static", "dynamic", "parallel-add", "parallel-mul", "parallel-cat", "dynamic-static")

PAPER_TABLES: dict[str, PaperTable] = {
    table.name: table
    for table in (
        _add_gcn("table1", "MS-COCO (%)", _all_and_top3("coco2014"), _ADD_GCN),
        _add_gcn("table2", "AP on PASCAL VOC 2007 (%)", _voc("voc2007"), _ADD_GCN),
        _add_gcn("table3", "AP on PASCAL VOC 2012 (%)", _voc("voc2012-server"), _ADD_GCN),
        _add_gcn(
            "table4",
            "static and dynamic graphs (%)",
            _ABLATION,
            ("resnet", *_variants("graph", *_GRAPHS)),
        ),
        _add_gcn(
            "table5", "final representations (%)", _ABLATION, _variants("representation", "sum", "avg", "max")
        ),
        _add_gcn("table6", "activation maps (%)", _ABLATION, _variants("maps", "gap-cls", "gmp-cls")),
        _add_gcn(
            "fig3",
            "SAM and D-GCN (%)",
            _ABLATION,
            ("resnet", "add-gcn/graph=none", "add-gcn/nodes=conv", "add-gcn"),
        ),
        PaperTable(
            name="add-gcn-readme",
            title="ADD-GCN, README of its code: MS-COCO at two test sizes (%)",
            source="addgcn-code",
            table="readme",
            protocol="add-gcn",
            columns=columns_of("coco2014", "", ("mAP",)),
            methods=_ADD_GCN,
        ),
        PaperTable(
            name="ml-gcn-table1",
            title="ML-GCN, Table 1: MS-COCO (%)",
            source="chen2019mlgcn",
            table="table1",
            protocol="ml-gcn",
            columns=_all_and_top3("coco2014"),
            methods=_ML_GCN,
        ),
        PaperTable(
            name="ml-gcn-table2",
            title="ML-GCN, Table 2: AP on PASCAL VOC 2007 (%)",
            source="chen2019mlgcn",
            table="table2",
            protocol="ml-gcn",
            columns=_voc("voc2007"),
            methods=_ML_GCN,
        ),
        PaperTable(
            name="ml-gcn-readme",
            title="ML-GCN, README of its code: baselines run again, mAP (%)",
            source="mlgcn-code",
            table="readme",
            protocol="ml-gcn",
            columns=(
                PaperColumn("COCO", "mAP", "coco2014"),
                PaperColumn("NUS-WIDE", "mAP", "nuswide"),
                PaperColumn("VOC2007", "mAP", "voc2007"),
            ),
            methods=_ML_GCN,
        ),
        PaperTable(
            name="ssgrl-coco",
            title="SSGRL: MS-COCO (%)",
            source="chen2019ssgrl",
            table="coco",
            protocol="ssgrl",
            columns=_all_and_top3("coco2014-all"),
            methods=("ssgrl",),
        ),
        *(
            PaperTable(
                name=f"ssgrl-{table}",
                title=f"SSGRL: AP on PASCAL VOC {table[3:]} (%)",
                source="chen2019ssgrl",
                table=table,
                protocol="ssgrl",
                columns=_voc(data, VOC_CLASSES),
                methods=("ssgrl",),
                remark="The source prints the classes as rows.",
            )
            for table, data in (("voc2007", "voc2007"), ("voc2012", "voc2012-server"))
        ),
        PaperTable(
            name="ssgrl-vg500",
            title="SSGRL: Visual Genome 500 (%)",
            source="chen2019ssgrl",
            table="vg500",
            protocol="ssgrl",
            columns=columns_of("vg500", "", ("mAP",)),
            methods=("ssgrl", "add-gcn"),
        ),
        PaperTable(
            name="salgl-coco",
            title="SALGL: MS-COCO at 448 and 576 pixels (%)",
            source="zhu2023salgl",
            table="coco",
            protocol="salgl",
            columns=_all_and_top3("coco2014"),
            methods=_EVERY,
        ),
        PaperTable(
            name="salgl-voc2007",
            title="SALGL: AP on PASCAL VOC 2007 (%)",
            source="zhu2023salgl",
            table="voc2007",
            protocol="salgl",
            columns=_voc("voc2007"),
            methods=_EVERY,
            remark=_NOT_READ,
        ),
        PaperTable(
            name="salgl-nuswide",
            title="SALGL: NUS-WIDE (%)",
            source="zhu2023salgl",
            table="nuswide",
            protocol="salgl",
            columns=(
                *columns_of("nuswide", "All", ("mAP", "CF1", "OF1")),
                *columns_of("nuswide", "Top-3", ("CF1", "OF1"), "_top3"),
            ),
            methods=_EVERY,
            remark=_NOT_READ,
        ),
        PaperTable(
            name="query2label-table1",
            title="Query2Label, Table 1: MS-COCO (%)",
            source="liu2021query2label",
            table="table1",
            protocol="query2label",
            columns=_all_and_top3("coco2014"),
            methods=("query2label",),
        ),
        PaperTable(
            name="tdrg-table1",
            title="TDRG, Table 1: MS-COCO (%)",
            source="zhao2021tdrg",
            table="table1",
            protocol="tdrg",
            columns=_all_and_top3("coco2014"),
            methods=_TDRG,
        ),
        PaperTable(
            name="tdrg-coco",
            title="TDRG, log of its code: MS-COCO (%)",
            source="tdrg-code",
            table="log-coco",
            protocol="tdrg",
            columns=_all_and_top3("coco2014"),
            methods=_TDRG,
        ),
        PaperTable(
            name="tdrg-coco-per-class",
            title="TDRG, log of its code: AP on MS-COCO (%)",
            source="tdrg-code",
            table="log-coco-per-class",
            protocol="tdrg",
            columns=tuple(PaperColumn(name, AP + name, "coco2014") for name in COCO_CLASSES),
            methods=_TDRG,
        ),
        PaperTable(
            name="tdrg-voc2007",
            title="TDRG, log of its code: PASCAL VOC 2007 (%)",
            source="tdrg-code",
            table="log-voc2007",
            protocol="tdrg",
            columns=(*_all_and_top3("voc2007"), *_voc("voc2007", VOC_CLASSES)[:-1]),
            methods=_TDRG,
        ),
        PaperTable(
            name="multilabelclassification",
            title="MultiLabelClassification: mAP of ResNet-101 and SSGRL (%)",
            source="multilabelclassification",
            table="readme",
            protocol="multilabelclassification",
            columns=(
                PaperColumn("VOC2012", "mAP", "voc2012"),
                PaperColumn("COCO", "mAP", "coco2014"),
                PaperColumn("VG500", "mAP", "vg500"),
            ),
            methods=("resnet", "ssgrl"),
            remark="The source prints fractions of 1.",
            recipe="resnet101",
        ),
    )
}
"""The tables that mirror a paper or a README, by name."""
