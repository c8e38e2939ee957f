"""Rank the methods on every data set, and over all of them: a pure function of records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from bench.methods.catalog import PRIOR
from bench.records.groups import Group
from bench.records.record import Record
from bench.tables.columns import METRIC_COLUMNS, averages

RULE = (
    "The rank in a column is that among the methods that have a result there, with the ranks that the tests "
    "leave open behind it; methods with the same printed value share the mean of their ranks. Bold: what "
    "cannot be told from the best, of methods with at least three seeds. The place is by the mean rank over "
    "all columns. Where a method has no result it counts as behind all that have one, with the rank beside "
    "the dash: nobody gains by leaving out a data set. Such a method is marked with how many data sets it "
    "was run on, and has no mean mAP. The label frequency is a floor, and no method. Validation runs and "
    "tuned methods are not ranked; they stand in sections of their own."
)
"""How methods are ranked, for the reader of the page."""
UNRANKED = "Nothing is ranked: no untuned run was measured on test images."

MAP = next(column for column in METRIC_COLUMNS if column.title == "mAP")


@dataclass(frozen=True)
class Result:
    """mAP of a method on one data set.

    Attributes:
        mean: over seeds, percent.
        deviation: standard deviation over seeds; NaN for one seed.
        seeds: which.
        rank: among the methods that have a result there, 1 the best; those with the same printed mean share
            the mean of their ranks. None for the floor, which is no method.
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
        lacking: by each data set that it has no result on, the rank that counts there: behind all others.
        place: 1 the best, shared by methods of the same mean rank that lack as many data sets; None, like the
            two means, for the floor.
        mean_rank: mean of the ranks over all data sets.
        mean_map: mean of the mAP values, percent; None where one is lacking, because data sets differ in how
            hard they are.
    """

    label: str
    title: str
    results: Mapping[str, Result]
    lacking: Mapping[str, float]
    place: int | None = None
    mean_rank: float | None = None
    mean_map: float | None = None

    @property
    def completeness(self) -> str:
        """On how many of the data sets it was run, in words; nothing for all."""
        known = len(self.results)
        return f"on {known} of {known + len(self.lacking)} data sets" if self.lacking else ""


@dataclass(frozen=True)
class Ranking:
    """The overall ranking.

    Attributes:
        columns: the runs behind the column of each data set, all made under the same conditions. A data set
            without an untuned run on test images has none.
        standings: the methods, best first; then the floor.
    """

    columns: Mapping[str, Group]
    standings: tuple[Standing, ...]


def ranking(groups: Mapping[str, Sequence[Group]]) -> Ranking:
    """Rank the untuned methods by what was measured on test images.

    Args:
        groups: by data set the runs in groups of equal conditions, in a fixed order.
    """
    chosen = {data: ranked_group(of_data) for data, of_data in groups.items()}
    return rank({data: group for data, group in chosen.items() if group is not None})


def rank(columns: Mapping[str, Group]) -> Ranking:
    """Rank the methods over these runs, one group for each data set."""
    # As one group, so that the order is that of the tables.
    together = Group(tuple(record for group in columns.values() for record in group.records))
    everything, titles = together.by_row(), together.titles()
    results = {data: _results(group.by_row()) for data, group in columns.items()}
    behind = {data: 1.0 + len(set(of) - {PRIOR.name}) for data, of in results.items()}
    standings = [
        Standing(
            label,
            titles[label],
            {data: of[label] for data, of in results.items() if label in of},
            {data: behind[data] for data, of in results.items() if label not in of},
        )
        for label in everything
    ]
    placed = [_with_means(standing) for standing in standings if standing.label != PRIOR.name]
    # Python's sort is stable: what is equal keeps the order of the tables.
    placed.sort(key=lambda standing: (*_order(standing), -(standing.mean_map or 0)))
    order = [_order(standing) for standing in placed]
    placed = [replace(standing, place=1 + order.index(_order(standing))) for standing in placed]
    return Ranking(columns, (*placed, *(one for one in standings if one.label == PRIOR.name)))


def _order(standing: Standing) -> tuple[float, int]:
    assert standing.mean_rank is not None
    return standing.mean_rank, len(standing.lacking)


def ranked_group(groups: Sequence[Group]) -> Group | None:
    """The runs that stand for a data set where some were made under different conditions.

    Those on the whole data before those on a part of it; then those of most methods, then most runs; then the
    first. None where all are of `unranked`.
    """

    def weight(group: Group) -> tuple[bool, int, int]:
        cell = group.first.cell
        whole = cell.limit_train is None and cell.limit_eval is None
        return whole, len(set(group.by_row()) - {PRIOR.name}), len(group.records)

    return max((group for group in groups if not unranked(group)), key=weight, default=None)


def unranked(group: Group) -> str:
    """Why runs are never ranked, whatever others there are; nothing where they may be."""
    cell = group.first.cell
    if cell.split != "test":
        return "it was measured on validation images"
    return "its methods are tuned" if cell.tuned else ""


def _results(rows: Mapping[str, Sequence[Record]]) -> dict[str, Result]:
    found = {}
    for label, records in rows.items():
        row = averages(records, [MAP])
        seeds = tuple(record.cell.seed for record in records)
        found[label] = Result(row[MAP.key], row[MAP.part("std")], seeds)
    ranks = _ranks({label: float(one.printed) for label, one in found.items() if label != PRIOR.name})
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
    ranks = [*(result.rank for result in results if result.rank is not None), *standing.lacking.values()]
    mean_map = None if standing.lacking else fmean(result.mean for result in results)
    return replace(standing, mean_rank=fmean(ranks), mean_map=mean_map)
