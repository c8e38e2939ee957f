"""Pictures come in a few formats: no file makes Pillow start a decoder that runs programs."""

import ast
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.pictures.crop import read_part
from bench.datasets.pictures.read import FORMATS, read_image, verify_image
from places import ROOT

Look = Callable[[Path], object]
READERS: dict[str, Look] = {
    "whole": read_image,
    "verified": verify_image,
    "part": lambda path: read_part(path, lambda size: (0, 0, *size), 64),
}
reading = pytest.mark.parametrize("look", READERS.values(), ids=READERS)

PROGRAM = """%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 40 30
%%EndComments
({marker}) (w) file dup (written by a photograph) writestring closefile
0 0 moveto 40 30 lineto stroke
showpage
%%EOF
"""


def write_program(path: Path, marker: Path) -> None:
    """An EPS file under any name, whose PostScript writes another file when it is run."""
    path.write_text(PROGRAM.format(marker=marker))


@reading
def test_a_photograph_runs_no_postscript(look: Look, tmp_path: Path) -> None:
    path, marker = tmp_path / "holiday.jpg", tmp_path / "written"
    write_program(path, marker)
    with pytest.raises(OSError, match="no picture, or a damaged one, in a format that is read: JPEG, PNG"):
        look(path)
    assert not marker.exists()


@pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed")
def test_the_same_file_does_write_where_ghostscript_runs_it(tmp_path: Path) -> None:
    path, marker = tmp_path / "holiday.jpg", tmp_path / "written"
    write_program(path, marker)
    output = ("-sDEVICE=ppmraw", "-o", "/dev/null")
    subprocess.run(["gs", "-q", "-dNOSAFER", "-dBATCH", "-dNOPAUSE", *output, path], check=True)
    assert marker.exists()


def stored(kind: str, **options: object) -> bytes | None:
    """A picture in one of Pillow's formats; None where Pillow cannot write it so."""
    rng = np.random.default_rng(0)
    for mode in ("RGB", "L", "1", "P", "F"):
        buffer = io.BytesIO()
        try:
            picture = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).convert(mode)
            picture.save(buffer, kind, **options)
        except (OSError, ValueError, KeyError, AttributeError):
            continue
        return buffer.getvalue()
    return None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_only_the_formats_of_photographs_are_read(tmp_path: Path) -> None:
    Image.init()
    path = tmp_path / "picture.jpg"
    read, refused = set(), set()
    for kind in Image.SAVE:
        content = stored(kind)
        if content is None:
            continue
        path.write_bytes(content)
        try:
            verify_image(path)
            read.add(kind)
        except OSError:
            refused.add(kind)
    assert read == {*FORMATS, "MPO"}
    assert {"EPS", "PCX", "TGA", "ICO", "SGI"} <= refused


def test_no_other_module_opens_pictures() -> None:
    found = []
    for folder in ("bench", "datasets", "methods"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in ("Image.open", "cv2.imread"):
                    found.append(path.name)
    assert set(found) == {"read.py"}
