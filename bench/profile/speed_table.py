"""The table of what was measured on which machine, as Markdown, from the reports in a folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tabulate import tabulate

from bench.errors import UserError
from bench.files import write_text
from bench.profile.report import Figure, Growth, Report, load, three_digits

BEGIN: Final = "<!-- speed: made by `make speeds` from results/perf -->"
END: Final = "<!-- end of speed -->"
"""Between these lines of a file the table stands."""
_KEPT: Final = {True: "yes", False: "**no**", None: ""}
_NEAR: Final = "in some repeats"


def reports(folder: Path) -> list[Report]:
    """The reports in a folder, by machine and part.

    Raises:
        UserError: there is none, or one cannot be read.
    """
    found = [load(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise UserError(
            f"No reports under {folder}; `bench profile metrics --out {folder}/metrics.json` makes one."
        )
    return sorted(found, key=lambda report: (_machine_of(report), report.part))


def speed_table(found: Iterable[Report]) -> str:
    """Figures and exponents, a table each for every machine."""
    by_machine: dict[str, list[Report]] = {}
    for report in found:
        by_machine.setdefault(_machine_of(report), []).append(report)
    return "\n\n".join(part for machine, of_it in by_machine.items() for part in _machine(machine, of_it))


def _machine_of(report: Report) -> str:
    """What speeds depend on: processors of one name may differ in their instructions."""
    made = report.environment
    having = f" with {made.instructions}" if made.instructions else ""
    return f"{made.device_name}{having}, PyTorch {made.versions.get('torch', 'unknown')}"


def put_into(path: Path, table: str) -> None:
    """Replace what stands between the two marks of a file.

    Raises:
        UserError: the file lacks a mark.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(f"{path} has no lines '{BEGIN}' and '{END}' for the table to stand between.")
    write_text(path, f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def _machine(name: str, found: list[Report]) -> list[str]:
    cores = max(report.cores for report in found)
    loads = [load for report in found for load in report.load if load is not None]
    load = f", load {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    parts = [f"On {name} ({cores} cores{load}); medians of the repeats, [least, most]:"]
    figures = [_figure(figure) for report in found for figure in report.figures]
    growth = [_growth(one) for report in found for one in report.growth]
    if figures:
        head = ("What", "Takes", "Beside", "Times as fast", "Aim", "Kept", "Bound by")
        parts.append(_table(figures, head))
    if growth:
        head = ("What", "Grows with", "From", "To", "Exponent", "At most", "Kept")
        parts.append(_table(growth, head))
    return parts


def _table(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True)


def _figure(figure: Figure) -> tuple[str, ...]:
    times = figure.times()
    aim = f"{figure.least:g} times" if figure.least is not None else ""
    if figure.most is not None:
        aim = f"{figure.most:g} {figure.unit}"
    beside = f"{figure.against}: {spread(figure.beside)} {figure.unit}" if figure.beside else ""
    return (
        figure.what,
        f"{spread(figure.values)} {figure.unit}",
        beside,
        "" if times is None else f"{times:.2f}",
        aim,
        _NEAR if figure.kept() is False and figure.near() else _KEPT[figure.kept()],
        figure.bound,
    )


def _growth(growth: Growth) -> tuple[str, ...]:
    first, last = (
        f"{three_digits(growth.values[at])} {growth.unit} at {growth.sizes[at]:,}" for at in (0, -1)
    )
    at_most = f"{growth.most:g}, {growth.law}"
    return growth.what, growth.against, first, last, f"{growth.slope():.2f}", at_most, _KEPT[growth.kept()]


def spread(values: tuple[float, ...]) -> str:
    """The median, and between which values it lies."""
    middle = Figure(what="", unit="", values=values).median()
    median, least, most = (three_digits(value) for value in (middle, min(values), max(values)))
    return f"{median} [{least}, {most}]" if len(values) > 1 else median
