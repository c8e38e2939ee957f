"""The chart that the page leads with: who is ahead on each data set, by how much, and what is a tie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

from bench.leaderboard.charts import ticks
from bench.leaderboard.ranking import MAP, Ranking, Standing
from bench.records.evidence import Evidence

Verdict = Literal["best", "tied", "behind", "untested"]
"""The best of the tested methods; not told from it; shown to be worse; too few seeds to be tested."""

NAMED = 4
"""Methods that a sentence names before it counts."""


@dataclass(frozen=True)
class LeadRow:
    """A method on a data set.

    Attributes:
        name: of the method.
        verdict: what the tests say of it.
        value: mean over seeds, percent, as printed.
        interval: as printed; empty where there is none.
        behind: points to the best, with their sign; empty for it, and where nothing was tested.
        seeds: how many.
        place: of the mean on the axis, percent of its length.
        low: of the lower end of the interval; that of the mean where there is none.
        high: of the upper end.
    """

    name: str
    verdict: Verdict
    value: str
    interval: str
    behind: str
    seeds: int
    place: str
    low: str
    high: str


@dataclass(frozen=True)
class LeadPanel:
    """A data set.

    Attributes:
        title: of the data set.
        section: the id of its section.
        sentence: who is ahead, in words.
        rows: the methods, highest mean first.
        ticks: the texts of the ticks of the axis, evenly apart from its beginning to its end.
        best: the place of the best on the axis; empty where nothing was tested.
        floor: what the label frequency reaches, in words; empty where it was not measured.
    """

    title: str
    section: str
    sentence: str
    rows: tuple[LeadRow, ...]
    ticks: tuple[str, ...]
    best: str
    floor: str


def lead_panels(
    found: Ranking,
    sections: Mapping[str, str],
    titles: Mapping[str, str],
    evidence: Mapping[str, Evidence],
) -> tuple[LeadPanel, ...]:
    """A panel for each data set of the ranking that a method was measured on.

    Args:
        found: the ranking.
        sections: by data set the id of the section with the runs that are ranked.
        titles: of the data sets.
        evidence: by data set what the scores of these runs show.
    """
    panels = []
    for data in found.columns:
        measured = [one for one in found.standings if data in one.results]
        methods = [one for one in measured if one.place is not None]
        methods.sort(key=lambda one: -one.results[data].mean)  # stable: ties keep the order of the ranking
        floors = [one.results[data].printed for one in measured if one.place is None]
        floor = f"Label frequency, the floor: {floors[0]} %" if floors else ""
        if methods:
            panels.append(_panel(data, titles[data], sections[data], methods, evidence[data], floor))
    return tuple(panels)


def _panel(
    data: str, title: str, section: str, methods: Sequence[Standing], evidence: Evidence, floor: str
) -> LeadPanel:
    verdicts = _verdicts(methods, evidence)
    means = {one.label: one.results[data].mean for one in methods}
    ends = {one.label: _ends(one, data, evidence) for one in methods}
    marks = ticks(end for pair in ends.values() for end in pair)
    best = next((label for label, verdict in verdicts.items() if verdict == "best"), None)

    def place(value: float) -> str:
        return f"{100 * (value - marks[0]) / (marks[-1] - marks[0]):.2f}"

    def row(one: Standing) -> LeadRow:
        label, (low, high) = one.label, ends[one.label]
        away = means[label] - means[best] if best and label != best else None
        return LeadRow(
            name=one.title,
            verdict=verdicts[label],
            value=one.results[data].printed,
            interval=f"[{low:.{MAP.digits}f}, {high:.{MAP.digits}f}]" if low < high else "",
            behind="" if away is None else f"{away:+.{MAP.digits}f}".replace("-", "−"),
            seeds=len(one.results[data].seeds),
            place=place(means[label]),
            low=place(low),
            high=place(high),
        )

    return LeadPanel(
        title=title,
        section=section,
        sentence=_sentence(data, methods, verdicts),
        rows=tuple(map(row, methods)),
        ticks=tuple(f"{mark:g}" for mark in marks),
        best=place(means[best]) if best else "",
        floor=floor,
    )


def _ends(one: Standing, data: str, evidence: Evidence) -> tuple[float, float]:
    """The interval of a method, percent; its mean twice where there is none."""
    interval, mean = evidence.interval(one.label, MAP.metric), one.results[data].mean
    return (mean, mean) if isnan(interval.low) else (100 * interval.low, 100 * interval.high)


def _verdicts(methods: Sequence[Standing], evidence: Evidence) -> dict[str, Verdict]:
    labels = [one.label for one in methods]
    leading = evidence.leading(MAP.metric, labels)
    best = max(leading, key=lambda label: (evidence.interval(label, MAP.metric).value, label), default=None)

    def verdict(label: str) -> Verdict:
        if best is None or label not in evidence.tested:
            return "untested"
        return "best" if label == best else "tied" if label in leading else "behind"

    return {label: verdict(label) for label in labels}


def _sentence(data: str, methods: Sequence[Standing], verdicts: Mapping[str, Verdict]) -> str:
    """Who is ahead, who cannot be told from it, by how much the others are behind."""
    of: dict[Verdict, list[Standing]] = {
        verdict: [one for one in methods if verdicts[one.label] == verdict]
        for verdict in ("best", "tied", "behind", "untested")
    }
    if not of["best"]:
        return "Nobody is ahead yet: a test needs two methods with three seeds each."
    (best,) = of["best"]
    away = [best.results[data].mean - one.results[data].mean for one in of["behind"]]
    ends = (min(away), max(away)) if away else ()
    few = of["untested"]
    tested = " of those tested" if few else ""
    points = " to ".join(dict.fromkeys(f"{value:.{MAP.digits}f}" for value in ends))
    if of["tied"]:
        said = f"{best.title} has the highest mean{tested} and cannot be told from {_listed(of['tied'])}"
        said += f"; behind by {points} points: {_listed(of['behind'])}." if away else "."
    else:
        said = f"{best.title} wins{tested}, by {points} points over {_listed(of['behind'])}."
    return said + (f" Too few seeds to be tested: {_listed(few)}." if few else "")


def _listed(methods: Sequence[Standing]) -> str:
    names = [one.title for one in methods]
    if len(names) > NAMED:
        return f"{len(names)} others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
