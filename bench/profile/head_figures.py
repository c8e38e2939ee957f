"""What was measured of a head, for a report: its times as figures, the rest as a note."""

from bench.experiment.methods import MethodChoice
from bench.profile.heads import HeadCost, Setting, SideBySide
from bench.profile.report import Figure

PASSES = {"forward": "evaluation", "training": "forward and backward"}


def figures_of(choice: MethodChoice, setting: Setting, found: SideBySide) -> tuple[Figure, ...]:
    """Both passes in milliseconds, beside the published formulation where it was measured."""
    size = f"{setting.batch}x{setting.channels}x{setting.side}x{setting.side}"
    return tuple(
        Figure(
            what=f"head, {words}: {choice.label()}, {setting.classes} classes, {size}",
            unit="ms",
            values=_milliseconds(getattr(found.bench, name)),
            against="its published formulation" if found.published else "",
            beside=_milliseconds(getattr(found.published, name)) if found.published else (),
        )
        for name, words in PASSES.items()
    )


def note_of(choice: MethodChoice, setting: Setting, found: SideBySide) -> str:
    """What does not vary from repeat to repeat: size, operations, memory, how far the logits are apart."""
    said = f"{choice.label()}, {setting.classes} classes: {_size(found.bench)}"
    if found.published:
        said += f"; published formulation: {_size(found.published)}; logits {found.difference:.0e} apart"
    if found.left_out is not None:
        said += f"; published formulation left out: it takes about {found.left_out / 1e9:.0f} GB"
    return said


def _milliseconds(seconds: list[float]) -> tuple[float, ...]:
    return tuple(1e3 * one for one in seconds)


def _size(cost: HeadCost) -> str:
    return (
        f"{cost.parameters / 1e6:.1f} Mparam, {cost.flops / 1e9:.1f} GFLOP, keeps "
        f"{cost.activations / 1e6:.1f} MB, a step takes {cost.peak / 1e6:.1f} MB at most"
    )
