"""Two small models that were trained on photographs of noise, with boxes, and a page of where they differ."""

from pathlib import Path

import pytest

from bench_command import TINY, bench
from trees import write_voc


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VOC tree whose annotations tell the size of the pictures; a box is 8 by 8 pixels of 48 by 36."""
    root = tmp_path_factory.mktemp("data")
    devkit = write_voc(root, train=12, test=12)
    for path in (devkit / "Annotations").glob("*.xml"):
        size = "<size><width>48</width><height>36</height></size>"
        path.write_text(path.read_text().replace("<object>", f"{size}<object>", 1))
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A folder with the runs of two methods and their models."""
    folder = tmp_path_factory.mktemp("trained")
    done = bench(folder, data, "run", "--methods", "resnet,add-gcn", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    return folder
