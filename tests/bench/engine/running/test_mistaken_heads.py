"""A mistake in the head of another package ends its own run, in a sentence; the matrix goes on."""

from pathlib import Path

import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from plugin_projects import write_project
from trees import write_voc

HEADS = """
from bench.methods.catalog import Method
from bench.methods.options import ResNetOptions
from bench.methods.resnet import PooledLinearHead

class OneColumn(PooledLinearHead):
    def forward(self, features, targets=None):
        output = super().forward(features, targets)
        return output._replace(logits=output.logits[:, :1])

class Bare(PooledLinearHead):
    def forward(self, features, targets=None):
        return super().forward(features, targets).logits

class Divides(PooledLinearHead):
    def forward(self, features, targets=None):
        return 1 // (len(features) - len(features))

class Looks(PooledLinearHead):
    def forward(self, features, targets=None):
        return {}["attention"]

class Unbuilt(PooledLinearHead):
    def __init__(self, feature_dim, labels, options):
        super().__init__(feature_dim, labels, options)
        self.graph = labels.adjacency

def method(name, head):
    return Method(name, name, "a summary", "nobody", ResNetOptions, f"plugin_mistakes:{head}")

ONE_COLUMN, BARE = method("one-column", "OneColumn"), method("bare", "Bare")
DIVIDES, LOOKS, UNBUILT = method("divides", "Divides"), method("looks", "Looks"), method("unbuilt", "Unbuilt")
"""
NAMES = {
    name: f"plugin_mistakes:{name.upper().replace('-', '_')}"
    for name in ("one-column", "bare", "divides", "looks", "unbuilt")
}
SAID = {
    "one-column": "ValueError: OneColumn.forward returned logits of (4, 1) for targets of (4, 20): one is "
    "needed for each image and class",
    "bare": "TypeError: Bare.forward returned a Tensor, and should return a HeadOutput",
    "divides": "ZeroDivisionError: integer division or modulo by zero",
    "looks": "KeyError: 'attention'",
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(write_project(tmp_path, "bench.methods", NAMES, "plugin_mistakes", HEADS))
    write_voc(tmp_path / "data", train=8, test=4)
    return tmp_path / "data"


def test_each_is_a_failed_run_with_its_reason_and_the_others_are_made(tmp_path: Path, data: Path) -> None:
    done = bench(tmp_path, data, "run", "--methods", ",".join([*SAID, "resnet"]), "--epochs", "1", *TINY)
    assert done.exit_code == 1 and "Traceback" not in done.output, done.output
    records = [one for one in RecordStore(tmp_path / "results").all() if isinstance(one, Record)]
    assert {one.cell.method.name: one.error for one in records if one.status == "failed"} == SAID
    assert "resnet" in {one.cell.method.name for one in records if one.status == "finished"}
    for sentence in SAID.values():
        assert sentence in " ".join(done.output.split())


def test_one_that_cannot_be_built_stops_the_matrix_before_it_starts(tmp_path: Path, data: Path) -> None:
    done = bench(tmp_path, data, "run", "--methods", "resnet,unbuilt", "--epochs", "1", *TINY)
    assert done.exit_code == 2 and not list(RecordStore(tmp_path / "results").all())
    assert (
        "The head of the method 'unbuilt' could not be built: AttributeError: 'LabelSpace' object has no "
        "attribute 'adjacency'; mend plugin_mistakes:Unbuilt."
    ) in " ".join(done.output.split())
