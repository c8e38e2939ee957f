"""Rank the methods on every data set, and over all of them: a pure function of records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from bench.methods.catalog import PRIOR
from bench.records.groups import Group
from bench.records.store import Record
from bench.tables.columns import averages, metric_columns

MAP = next(column for column in metric_columns() if column.title == "mAP")


@dataclass(frozen=True)
class Result:
    """mAP of a method on one data set.

    Attributes:
        mean: over seeds, percent.
        deviation: standard deviation over seeds; NaN for one seed.
        seeds: which.
        rank: among the methods that have a result in every column, 1 the best; those with the same printed
            mean share the mean of their ranks. None for other methods, and for the floor, which is no method.
    """

    mean: float
    deviation: float
    seeds: tuple[int, ...]
    rank: float | None = None

    @property
    def printed(self) -> str:
        """The mean as tables print it."""
        return f"{self.mean:.{MAP.digits}f}"


@dataclass(frozen=True)
class Standing:
    """A method in the ranking.

    Attributes:
        label: the method with its options, as `bench run` takes it.
        title: as tables print it.
        results: by data set.
        place: 1 the best, shared by methods of the same mean rank; None, like the two means, where the method
            has no result on one of the data sets, and for the floor.
        mean_rank: mean of the ranks.
        mean_map: mean of the mAP values, percent.
    """

    label: str
    title: str
    results: Mapping[str, Result]
    place: int | None = None
    mean_rank: float | None = None
    mean_map: float | None = None


@dataclass(frozen=True)
class Ranking:
    """The overall ranking.

    Attributes:
        columns: the runs behind the column of each data set, all made under the same conditions.
        standings: the methods, best first; then what is incomplete, in the order of the tables.
    """

    columns: Mapping[str, Group]
    standings: tuple[Standing, ...]


def ranking(groups: Mapping[str, Sequence[Group]]) -> Ranking:
    """Rank what was measured.

    Args:
        groups: by data set the runs in groups of equal conditions, in a fixed order.
    """
    columns = {data: ranked_group(of_data) for data, of_data in groups.items()}
    # As one group, so that the order is that of the tables.
    together = Group(tuple(record for group in columns.values() for record in group.records))
    everything, titles = together.by_method(), together.titles()
    rows = {data: group.by_method() for data, group in columns.items()}
    complete = [
        label
        for label in everything
        if label != PRIOR.name and all(label in of_data for of_data in rows.values())
    ]
    results = {data: _results(of_data, complete) for data, of_data in rows.items()}
    standings = [
        Standing(label, titles[label], {data: of[label] for data, of in results.items() if label in of})
        for label in everything
    ]
    placed = [_with_means(standing) for standing in standings if standing.label in complete]
    # Python's sort is stable: what is equal keeps the order of the tables.
    placed.sort(key=lambda standing: (standing.mean_rank, -(standing.mean_map or 0)))
    ranks = [standing.mean_rank for standing in placed]
    placed = [replace(standing, place=1 + ranks.index(standing.mean_rank)) for standing in placed]
    return Ranking(columns, (*placed, *(one for one in standings if one.label not in complete)))


def ranked_group(groups: Sequence[Group]) -> Group:
    """The runs that stand for a data set where some were made under different conditions.

    Those on the whole data before those on a part of it; then those of most methods, then most runs; then the
    first.
    """

    def weight(group: Group) -> tuple[bool, int, int]:
        cell = group.first.cell
        whole = cell.limit_train is None and cell.limit_eval is None
        return whole, len(set(group.by_method()) - {PRIOR.name}), len(group.records)

    return max(groups, key=weight)


def _results(rows: Mapping[str, Sequence[Record]], complete: Sequence[str]) -> dict[str, Result]:
    found = {}
    for label, records in rows.items():
        row = averages(records, [MAP])
        seeds = tuple(record.cell.seed for record in records)
        found[label] = Result(row[MAP.key], row[MAP.part("std")], seeds)
    ranks = _ranks({label: float(found[label].printed) for label in complete})
    return {label: replace(result, rank=ranks.get(label)) for label, result in found.items()}


def _ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Ranks by descending value; equal values share the mean of their ranks."""
    return {
        label: sum(other > value for other in values.values())
        + (1 + sum(other == value for other in values.values())) / 2
        for label, value in values.items()
    }


def _with_means(standing: Standing) -> Standing:
    results = standing.results.values()
    return replace(
        standing,
        mean_rank=fmean(result.rank for result in results if result.rank is not None),
        mean_map=fmean(result.mean for result in results),
    )
