"""Names and files of somebody who means harm, or of a disk that lost some."""

from pathlib import Path

NAMES = (
    *("../../../x", "/../../x", "a/b", "a/../../../x", "..", ".", "", "-x", "--out", ".hidden", "~", "~root"),
    *(
        "con",
        "NUL",
        "aux.txt",
        "COM1",
        "x\0y",
        "x\ny",
        "x\x1b[2Jy",
        "a\\b",
        "..\\..\\x",
        "C:x",
        "x|y",
        "x*",
        "x?",
    ),
    *(" x", "x ", "x.", "x" * 300, "é" * 90, "\u202eabc", "x\u200by", "<x>", '"x"', "x\u2028y"),
)
"""None of them can name a file in any folder of any system."""


def everything_below(folder: Path) -> set[Path]:
    """Every file and folder."""
    return set(folder.rglob("*"))
