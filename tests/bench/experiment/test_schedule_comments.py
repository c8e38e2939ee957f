"""What a schedule's comment adds, to follow a publication wholly, is all that its fields do not say."""

import re

import pytest

from bench.datasets.catalog import DATASETS
from bench.experiment.methods import parse_methods
from bench.metrics.protocol import PROTOCOLS
from places import ROOT

ADDED = {
    "query2label": {"data": "coco2014-all", "protocol": "query2label", "precision": "fp16"},
    "tdrg": {"methods": "tdrg/attention=batch", "protocol": "tdrg", "seeds": "1"},
}


@pytest.mark.parametrize("name", ADDED)
def test_what_is_to_be_added_is_listed_and_known(name: str) -> None:
    text = (ROOT / "bench" / "schedules" / f"{name}.yaml").read_text("utf-8")
    listed = dict(re.findall(r"^# {3}--([a-z-]+) (\S+)", text, re.MULTILINE))
    assert listed == ADDED[name]
    assert listed["protocol"] in PROTOCOLS and listed.get("data", "coco2014") in DATASETS
    (choice,) = parse_methods((listed.get("methods", name),))
    assert choice.name == name
