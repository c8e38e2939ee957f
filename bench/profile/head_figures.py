"""What was measured of a head, for a report: its times as figures, the rest as a note."""

from collections.abc import Mapping
from statistics import median
from typing import Final

from bench.experiment.methods import MethodChoice
from bench.profile.bounds import Bounds
from bench.profile.heads import HeadCost, Setting, SideBySide
from bench.profile.precision import Rates
from bench.profile.report import Figure

PASSES = {"forward": "evaluation", "training": "forward and backward"}
NO_SLOWER: Final = 1.0
AIMS: Final[Mapping[str, float]] = {"ssgrl": 1.9, "salgl": 2.0}
"""How many times as fast as its published formulation a head is to train; the others are to be no slower."""
AIMS_IN_BF16: Final[Mapping[str, float]] = {"ssgrl": 2.5, "salgl": 2.5}
"""How many times as fast as in fp32 a head is to train in bf16, the optimiser included."""


def figures_of(
    choice: MethodChoice, setting: Setting, found: SideBySide, bounds: Bounds
) -> tuple[Figure, ...]:
    """Both passes in milliseconds, beside the published formulation where it was measured.

    Args:
        choice: the method.
        setting: what its head is given.
        found: what was measured.
        bounds: of the machine.
    """
    aims = {"training": AIMS.get(choice.name, NO_SLOWER)} if found.published else {}
    return tuple(
        Figure(
            what=f"head, {words}: {_what(choice, setting)}",
            unit="ms",
            values=_milliseconds(getattr(found.bench, name)),
            against="its published formulation" if found.published else "",
            beside=_milliseconds(getattr(found.published, name)) if found.published else (),
            least=aims.get(name),
            bound=getattr(bounds, name)(found.bench, setting),
        )
        for name, words in PASSES.items()
    )


def figure_in_bf16(choice: MethodChoice, setting: Setting, found: Rates, product: Rates) -> Figure:
    """A training step in bf16 beside the same in fp32, in milliseconds.

    Args:
        choice: the method.
        setting: what its head is given.
        found: steps in images per second.
        product: a plain matrix product, which bounds them.
    """
    reached, bound = (one.flops * float(median(one.bf16)) / 1e9 for one in (found, product))
    return Figure(
        what=f"training step in bf16, optimiser included: {_what(choice, setting)}",
        unit="ms",
        values=_milliseconds([setting.batch / rate for rate in found.bf16]),
        against="the same in fp32",
        beside=_milliseconds([setting.batch / rate for rate in found.fp32]),
        least=AIMS_IN_BF16.get(choice.name),
        bound=f"{reached:.0f} of the {bound:.0f} GFLOP/s of a plain matrix product in bf16, "
        f"{product.ratio():.1f} times that in fp32",
    )


def note_of(choice: MethodChoice, setting: Setting, found: SideBySide) -> str:
    """What does not vary from repeat to repeat: size, operations, memory, how far the logits are apart."""
    said = f"{choice.label()}, {setting.classes} classes: {_size(found.bench)}"
    if found.published:
        said += f"; published formulation: {_size(found.published)}; logits {found.difference:.0e} apart"
    if found.left_out is not None:
        said += f"; published formulation left out: it takes about {found.left_out / 1e9:.0f} GB"
    return said


def _what(choice: MethodChoice, setting: Setting) -> str:
    size = f"{setting.batch}x{setting.channels}x{setting.side}x{setting.side}"
    return f"{choice.label()}, {setting.classes} classes, {size}"


def _milliseconds(seconds: list[float]) -> tuple[float, ...]:
    return tuple(1e3 * one for one in seconds)


def _size(cost: HeadCost) -> str:
    return (
        f"{cost.parameters / 1e6:.1f} Mparam, {cost.flops / 1e9:.1f} GFLOP, keeps "
        f"{cost.activations / 1e6:.1f} MB, a step takes {cost.peak / 1e6:.1f} MB at most"
    )
