"""What a person sees of fitted thresholds: in `bench thresholds`, and in `bench show`."""

import click

from bench.cli.listing import print_rows
from bench.metrics.calibration import BINS
from bench.metrics.operating_point import NEVER
from bench.records.record import Decided, Record, Thresholds


def show_thresholds(record: Record, thresholds: Thresholds) -> None:
    """Print what was fitted on what, and what the run's scores give with it and without."""
    point = thresholds.point
    click.echo(f"thresholds for {point.target}, fitted on {point.images} images: {point.source}")
    none = "1, as none is the best: the scores make hardly a mistake there, or tell hardly anything"
    click.echo(f"temperature: {f'{point.temperature:.3f}' if thresholds.calibrated else none}")
    for names, what in (
        (thresholds.without_positives, "no positive label to fit on, so the threshold for all"),
        (thresholds.unreached, f"no threshold has {point.target}, so never predicted"),
    ):
        if names:
            click.echo(f"{what}: {', '.join(names)}")
    click.echo(f"decided by {'the threshold of each class' if point.own else 'one threshold for all'}")
    _show_measured(record, thresholds)


def show_class_thresholds(thresholds: Thresholds) -> None:
    """Print the threshold of each class, and its calibration error."""
    point, measured = thresholds.point, thresholds.measured
    nothing = (None,) * len(point.classes)
    before = measured.before.per_class if measured else nothing
    after = measured.after.per_class if measured else nothing
    print_rows(
        [
            {
                "Class": name,
                "Threshold": _threshold(threshold),
                "ECE before (%)": None if first is None else f"{100 * first:.2f}",
                "ECE after (%)": None if second is None else f"{100 * second:.2f}",
            }
            for name, threshold, first, second in zip(
                point.classes, point.per_class, before, after, strict=True
            )
        ],
        "Thresholds on calibrated probabilities, and calibration error before and after the temperature",
    )


def _show_measured(record: Record, thresholds: Thresholds) -> None:
    point, measured = thresholds.point, thresholds.measured
    if measured is None:
        click.echo("measured on nothing: the labels of the test images are held by a server")
        return
    fitted_on = record.cell.split == "validation"
    on = "the validation images that were fitted on" if fitted_on else "the test scores of the run"
    print_rows(
        [
            _row(f"{record.cell.protocol.threshold:g}, not calibrated", measured.fixed),
            _row(f"{_threshold(point.overall)} for all", measured.overall),
            _row("of each class", measured.per_class),
        ],
        f"Measured on {on} (%), protocol {record.cell.protocol.name}",
    )
    before, after = measured.before, measured.after
    click.echo(
        f"expected calibration error, {BINS} bins: {100 * before.overall:.2f} % before the temperature, "
        f"{100 * after.overall:.2f} % after; mean over classes {_mean(before.per_class)} % and "
        f"{_mean(after.per_class)} %"
    )


def _row(name: str, values: Decided) -> dict[str, object]:
    return {"Threshold": name, **{metric: f"{100 * value:.2f}" for metric, value in values}}


def _threshold(value: float) -> str:
    return {NEVER: "never", 0.0: "always"}.get(value, f"{value:.3g}")


def _mean(values: tuple[float | None, ...]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.2f}"
