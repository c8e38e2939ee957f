"""The classifiers of the labels in the plane: those that ML-GCN generates against those of the baseline.

The picture of Chen et al., CVPR 2019: t-SNE (van der Maaten and Hinton, JMLR 2008) of one vector per label.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from tabulate import tabulate

from bench.datasets.super_categories import groups_of
from bench.visualize.beside import place_names
from bench.visualize.inside import Floats, Inside
from bench.visualize.sheet import BOTTOM, EDGE, Box, Sheet
from bench.visualize.subject import Drawing, NoSuchViewError, Subject

Matrix = NDArray[np.float64]

NEAREST = 3
"""Labels that the table names for each one."""
FEWEST = 3
"""Labels that can be laid out."""
PER_LINE = 3
HEAD, GAP, TOP, LEGEND = 0.42, 0.25, 0.45, 0.25
SEED = 0
ROOM = 0.45, 0.22
"""Inches within a panel that are left at the sides and above and below for names of the outermost points."""
COLOURS: Final = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    *("#333333", "#882255", "#999933", "#44AA99", "#332288", "#AA4499"),
)
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
KEY = (
    "t-SNE of the classifiers at length one, so that near means a small angle; axes and turns of the panels "
    "have no meaning; the table beside the picture has the angles' cosines"
)


def draw(subject: Subject) -> Iterator[Drawing]:
    """A panel for each model whose head scores the pooled map linearly, and a table of nearest labels."""
    models = subject.shown_by(lambda one: one.classifiers is not None)
    if len(subject.classes) < FEWEST:
        raise NoSuchViewError(
            f"{len(subject.classes)} labels cannot be laid out in the plane: 'embedding' takes {FEWEST}."
        )
    groups = groups_of(subject.classes)
    table = nearest_table(models, subject.classes, groups)
    yield Drawing(_figure(subject, models, groups, table), (), {"": table}, _words(table))


def unit(classifiers: Floats) -> Matrix:
    """Vectors `(C, D)` at length one; one of zeros stays."""
    vectors = classifiers.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors


def nearest_table(
    models: Sequence[Inside], classes: Sequence[str], groups: Mapping[str, Sequence[str]] | None
) -> pd.DataFrame:
    """A line for each method, label, and each of its nearest labels by the cosine of their classifiers."""
    group_of = {name: group for group, names in (groups or {}).items() for name in names}
    lines = []
    for inside in models:
        assert inside.classifiers is not None
        vectors = unit(inside.classifiers)
        cosine = vectors @ vectors.T
        np.fill_diagonal(cosine, -np.inf)
        order = np.argsort(-cosine, axis=1, kind="stable")[:, : min(NEAREST, len(classes) - 1)]
        for label, nearest in enumerate(order):
            lines += [
                {
                    "method": inside.model.title,
                    "label": classes[label],
                    "super_category": group_of.get(classes[label], ""),
                    "rank": rank,
                    "nearest": classes[other],
                    "nearest_super_category": group_of.get(classes[other], ""),
                    "cosine": round(float(cosine[label, other]), 4),
                }
                for rank, other in enumerate(nearest, start=1)
            ]
    return pd.DataFrame(lines)


def _words(table: pd.DataFrame) -> str:
    """The nearest label of each label by each method, as text."""
    first = table[table["rank"] == 1]
    methods = list(dict.fromkeys(first["method"]))
    columns = [first[first["method"] == method] for method in methods]
    rows = [
        [lines[0].label, *(f"{line.nearest} {line.cosine:.2f}" for line in lines)]
        for lines in zip(*(column.itertuples() for column in columns), strict=True)
    ]
    return "nearest classifier of each label, and the cosine of their angle\n" + tabulate(
        rows, headers=["label", *methods], disable_numparse=True
    )


def layout(vectors: Matrix) -> Matrix:
    """`(C, 2)` in [0, 1], by t-SNE; equal vectors give an equal layout on one machine."""
    from sklearn.manifold import TSNE

    perplexity = max(1.0, min(30.0, (len(vectors) - 1) / 3))
    network = TSNE(perplexity=perplexity, init="pca", method="exact", random_state=SEED, learning_rate="auto")
    points: Matrix = network.fit_transform(vectors).astype(np.float64)
    points -= points.min(axis=0)
    points /= np.maximum(points.max(axis=0), 1e-12)
    return points


def _figure(
    subject: Subject,
    models: Sequence[Inside],
    groups: Mapping[str, Sequence[str]] | None,
    table: pd.DataFrame,
) -> Figure:
    side = 3.6 if len(subject.classes) <= 40 else 5.4
    columns = min(PER_LINE, len(models))
    lines = -(-len(models) // columns)
    legend = LEGEND * (1 + len(groups or ()) // 8) if groups else 0
    sheet = Sheet(
        max(6.5, 2 * EDGE + columns * (side + GAP) - GAP), TOP + lines * (HEAD + side + GAP) + legend + BOTTOM
    )
    styles = _styles(subject.classes, groups)
    for number, inside in enumerate(models):
        line, column = divmod(number, columns)
        x, y = EDGE + column * (side + GAP), TOP + line * (HEAD + side + GAP)
        title = subject.lettering.text(inside.model.title)
        sheet.fitted(x, y + 0.05, title, side, 9, weight="bold")
        sheet.fitted(x, y + 0.22, _agreement(table, inside.model.title), side, 7.5, color="0.3")
        _draw_panel(sheet, subject, inside, styles, (x, y + HEAD, side))
    if groups:
        _draw_legend(sheet, groups, styles, subject)
    return subject.frame(sheet, "classifiers of the labels", KEY)


def _styles(classes: Sequence[str], groups: Mapping[str, Sequence[str]] | None) -> list[tuple[str, str]]:
    """Colour and marker of each label: its super-category's, or the same for all."""
    place = {name: number for number, names in enumerate((groups or {}).values()) for name in names}
    return [(COLOURS[place.get(name, 0)], MARKERS[place.get(name, 0)]) for name in classes]


def _agreement(table: pd.DataFrame, method: str) -> str:
    """How often the nearest label is of the same super-category, of labels that are not alone in theirs."""
    own = table[(table["method"] == method) & (table["rank"] == 1) & (table["super_category"] != "")]
    size = own.groupby("super_category")["label"].transform("size")
    own = own[size > 1]
    if own.empty:
        return ""
    same = int((own["super_category"] == own["nearest_super_category"]).sum())
    return f"nearest label of the same super-category: {same} of {len(own)}"


def _draw_panel(
    sheet: Sheet,
    subject: Subject,
    inside: Inside,
    styles: Sequence[tuple[str, str]],
    place: tuple[float, float, float],
) -> None:
    assert inside.classifiers is not None
    x, y, side = place
    axes = sheet.axes(Box(x, y, side, side))
    axes.set(xlim=(0, side), ylim=(0, side), xticks=(), yticks=())
    for spine in axes.spines.values():
        spine.set(visible=True, color="0.8")
    room = np.array(ROOM)
    points = room + layout(unit(inside.classifiers)) * (side - 2 * room)
    size = 7.0 if len(points) <= 40 else 6.0
    names = [sheet.cut(name, side / 3, size) for name in subject.names]
    extents = np.array([sheet.extent(name, size) for name in names])
    for (px, py), (colour, marker) in zip(points, styles, strict=True):
        axes.scatter(px, py, s=22, color=colour, marker=marker, linewidths=0, zorder=3)
    _draw_names(axes, points, names, extents, styles, (side, size))


def _draw_names(
    axes: Axes,
    points: Matrix,
    names: Sequence[str],
    extents: Matrix,
    styles: Sequence[tuple[str, str]],
    sizes: tuple[float, float],
) -> None:
    side, size = sizes
    for point, text, found, (colour, _) in zip(
        points, names, place_names(points, extents, (side, side)), styles, strict=True
    ):
        if found.led:
            axes.plot([point[0], found.x], [point[1], found.y], color="0.6", linewidth=0.5, zorder=1)
        name = axes.text(found.x, found.y, text, ha="center", va="center", fontsize=size, color=colour)
        name.set(zorder=2, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3})


def _draw_legend(
    sheet: Sheet,
    groups: Mapping[str, Sequence[str]],
    styles: Sequence[tuple[str, str]],
    subject: Subject,
) -> None:
    style_of = dict(zip(subject.classes, styles, strict=True))
    handles = []
    for group, names in groups.items():
        colour, marker = style_of[names[0]]
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=group))
    sheet.figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=((EDGE - 0.1) / sheet.width, (BOTTOM - 0.05) / sheet.height),
        ncols=8,
        frameon=False,
        fontsize=7.5,
        handletextpad=0.2,
        columnspacing=1.2,
    )
