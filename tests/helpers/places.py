"""Where things of this checkout lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"
PARITY = ROOT / "tests" / "parity"
