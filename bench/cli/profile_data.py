"""`bench profile data`: loading of an index, and checking of files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.profile.checking import measure_check
from bench.profile.index_load import measure_index
from bench.profile.photographs import photographs
from bench.profile.report import Measuring

# Files that are checked for each image.
CHECKED = 16


@click.command("data")
@profile_options.photographs
@click.option("--images", type=click.IntRange(min=2), default=128, show_default=True)
@profile_options.repeats
@profile_options.out
def command(name: str | None, data_root: Path | None, images: int, repeats: int, out: Path | None) -> None:
    """Measure loading of the index and checking of files.

    The index has the size of NUS-WIDE's; checking of files is measured in turn with decoding them alone, on
    all cores.
    """
    measuring = Measuring("data")
    with TemporaryDirectory() as folder:
        linked = Path(folder, "linked")
        linked.mkdir()
        index = photographs(name, data_root, images, Path(folder, "made"))
        loaded = measure_index(Path(folder), repeats=repeats)
        check = measure_check(index, linked, CHECKED * len(index), repeats)
    described = f"the files are {len(index)} images of {name or 'made data'}, {CHECKED} times each"
    report = measuring.report((*loaded.figures(), check.figure()), (check.rates(), described))
    finish(report, out)
