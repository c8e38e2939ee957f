"""Explain where two methods differ: everything that the table and the page are made of."""

from dataclasses import dataclass
from pathlib import Path

from bench.compare.choose import Pair
from bench.compare.differences import Comparison, compare
from bench.explain.changes import Changes, changes_of
from bench.explain.counts import Counts, count_errors
from bench.explain.kinds import sort_false, sort_missed, sort_otherwise
from bench.explain.material import Material, gather
from bench.explain.sides import Sides, read_sides
from bench.progress import Steps
from bench.records.store import RecordStore


@dataclass(frozen=True)
class Explanation:
    """What was found.

    Attributes:
        comparison: of the metrics, as `bench compare` makes it.
        sides: both methods.
        material: what the data set adds.
        changes: what the second gains and loses, label by label.
        kinds: errors by what they are: those that are missed, and false alarms.
        others: both by label frequency, and by how many labels the image has.
    """

    comparison: Comparison
    sides: Sides
    material: Material
    changes: Changes
    kinds: tuple[Counts, ...]
    others: tuple[Counts, ...]


def explain(
    store: RecordStore,
    pair: Pair,
    data: str | None,
    root: Path | None,
    *,
    small: float,
    resamples: int | None,
    steps: Steps,
) -> Explanation:
    """Find where two methods differ.

    Args:
        store: holds the scores.
        pair: the runs.
        data: the data set, a name or the YAML file of one's own; that of the runs if None.
        root: the folder that holds it; where it is not at hand, the scores alone are looked at.
        small: below which share of the picture an object is small.
        resamples: of the test images; None for `bench.compare.differences.usual_resamples`.
        steps: of what takes long.

    Raises:
        UserError: the runs do not share their test images and labels, the scores of one are not its own, or
            `root` holds other data.
    """
    sides = read_sides(store, pair)
    material = gather(sides, pair.a[0], data, root, steps("reading annotations"))
    comparison = compare(store, pair, resamples, progress=steps("resampling runs"))
    kinds = (
        sort_missed(sides, material.usual, material.boxes, small),
        sort_false(sides, material.usual),
    )
    return Explanation(
        comparison,
        sides,
        material,
        changes_of(sides),
        count_errors(sides, kinds, comparison.resamples),
        count_errors(sides, sort_otherwise(sides), comparison.resamples),
    )
