"""The charts of the page: accuracy against cost, and learning curves."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from bench.figures.curves import CURVES, common_epochs
from bench.figures.palette import styles
from bench.leaderboard.charts import Chart, Point, Series, chart
from bench.leaderboard.ranking import MAP
from bench.records.groups import Group
from bench.records.record import Record
from bench.tables.columns import Column, averages, cost_columns

COSTS: Final = ("parameters (M)", "GFLOPs per image", "test images/s", "peak memory (MiB)")


def trade_charts(group: Group) -> list[Chart]:
    """The mAP against each kind of cost, of the methods that have both; whiskers: standard deviation."""
    looks, titles = styles(group.by_row()), group.titles()
    charts = []
    for column in cost_columns():
        if column.title in COSTS:
            points = {
                label: _trade(titles[label], records, column) for label, records in group.by_row().items()
            }
            series = [
                Series(titles[label], looks[label], (point,))
                for label, point in points.items()
                if point is not None
            ]
            better = "more is better" if column.higher_is_better else "less is better"
            if series:
                label = f"{column.title}, {better}"
                charts.append(chart(f"mAP against {column.title}", label, "mAP (%)", series))
    return charts


def _trade(title: str, records: Sequence[Record], column: Column) -> Point | None:
    row = averages(records, [MAP, column])
    cost, accuracy, deviation = row[column.key], row[MAP.key], row[MAP.part("std")]
    if math.isnan(cost) or math.isnan(accuracy):
        return None
    words = f"{title}: {cost:.{column.digits}f} {column.title}, mAP {accuracy:.{MAP.digits}f} %"
    return Point(cost, accuracy, words, 0.0 if math.isnan(deviation) else deviation)


def learning_charts(group: Group) -> list[Chart]:
    """Loss and mAP after every epoch, means over seeds."""
    looks, titles = styles(group.by_row()), group.titles()
    charts = []
    for name, read in CURVES.items():
        series = []
        for label, records in group.by_row().items():
            seeds = [read(record) for record in records]
            means = {epoch: fmean(seed[epoch] for seed in seeds) for epoch in common_epochs(seeds)}
            title = titles[label]
            points = [Point(x, y, f"{title}, epoch {x}: {name} {y:.4g}") for x, y in means.items()]
            if points:
                series.append(Series(title, looks[label], tuple(points), joined=True))
        if series:
            charts.append(chart(f"{name} after each epoch", "epoch", name, series, whole_x=True))
    return charts
