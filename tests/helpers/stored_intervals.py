"""The interval of a metric of stored runs."""

from collections.abc import Sequence

from bench.metrics.bootstrap import NAMES
from bench.metrics.protocol import Protocol
from bench.metrics.uncertainty import SHARE, Interval, estimate
from bench.records.intervals import RESAMPLES, metrics_of, samples_of
from bench.records.record import Record
from bench.records.store import RecordStore


def interval(
    store: RecordStore,
    records: Sequence[Record],
    metric: str,
    protocol: Protocol | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Of the mean over runs that differ in their seed."""
    samples = samples_of(store, records, protocol, resamples, seed)
    return estimate(metrics_of(samples)).intervals(SHARE)[NAMES.index(metric)]
