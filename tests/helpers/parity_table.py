"""Write how far the heads are from the published implementations, case by case: what the tests compare."""

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import torch

from parity_checks import GRADIENTS, NOTED, OUTPUTS, SINGLE
from places import ROOT

FILES: Final = (
    "tests/methods/test_heads_parity.py",
    "tests/methods/test_attention_parity.py",
    "tests/methods/test_later_heads_csra.py",
    "tests/methods/test_tdrg_parity.py",
    "tests/methods/published/test_models.py",
)
COLUMNS: Final = {"float64": OUTPUTS, "gradients, float64": GRADIENTS, "float32": SINGLE}
_ABOUT: Final = """\
# How far the heads are from the published implementations

`make parity` writes this file: the largest relative error of each case in `tests/parity`, of all that the
tests compare. Logits, losses and views in float64, gradients at the features and logits in float32 are
relative to the largest value of their array, norms of the parameters' gradients to themselves; `_full` is
ResNet-101 and head, of which there are logits alone.
"""


def table(noted: Mapping[str, Mapping[float, float]]) -> str:
    """The table in Markdown; a dash where a case has nothing to compare."""
    lines = [
        f"| Case | {' | '.join(COLUMNS)} |",
        f"| --- | {' | '.join('---:' for _ in COLUMNS)} |",
        f"| *at most* | {' | '.join(f'*{tolerance:.0e}*' for tolerance in COLUMNS.values())} |",
    ]
    for case, errors in sorted(noted.items()):
        cells = [f"{errors[one]:.0e}" if one in errors else "–" for one in COLUMNS.values()]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    machine = (
        f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}, PyTorch {torch.__version__}"
    )
    return "\n".join([_ABOUT, f"Measured on {machine}.", "", *lines, ""])


def main(path: Path) -> int:
    """Run the tests in this process, which notes what they compare, and write the file if they pass."""
    failed = int(pytest.main(["-q", "-p", "no:cacheprovider", *(str(ROOT / name) for name in FILES)]))
    if not failed:
        path.write_text(table(NOTED), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
