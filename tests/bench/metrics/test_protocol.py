"""The protocol says all that it decides, and cannot be changed or misspelt."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from bench.metrics.protocol import PROTOCOLS, Protocol

BENCH = PROTOCOLS["bench"]


def test_protocols_describe_all_that_differs() -> None:
    papers = ["ml-gcn", "add-gcn", "tdrg", "ssgrl", "salgl", "multilabelclassification"]
    later = ["query2label", "c-tran", "csra", "ml-decoder"]
    assert list(PROTOCOLS) == ["bench", *papers, *later]
    assert BENCH.describe() == (
        "AP not interpolated; difficult ignored in AP and P/R; ≥ 0.5; CF1 harmonic; "
        "top-3 over threshold, ties by class order; an unpredicted class is 0 in CP"
    )
    choices: dict[str, tuple[str | float, ...]] = {
        "ap": ("ap_voc2012", "ap_voc11"),
        "difficult_in_ap": ("positive", "negative"),
        "difficult_in_pr": ("positive", "negative"),
        "threshold": (0.7,),
        "comparison": (">",),
        "cf1": ("mean-of-classes",),
        "unpredicted": ("zero-patched", "one"),
        "top3": ("forced",),
    }
    assert {"name", *choices} == set(Protocol.model_fields)
    variants = [{field: value} for field, values in choices.items() for value in values]
    lines = {Protocol.model_validate({"name": "x", **variant}).describe() for variant in variants}
    assert len(lines | {BENCH.describe()}) == len(variants) + 1


def test_protocol_is_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        BENCH.threshold = 0.7  # type: ignore[misc]
    for bad in ({"thresh": 0.5}, {"threshold": 1.0}, {"ap": "coco"}):
        with pytest.raises(ValidationError):
            Protocol.model_validate({"name": "x", **bad})
    assert Protocol.model_validate_json(BENCH.model_dump_json()) == BENCH


def test_protocol_imports_nothing_heavy() -> None:
    code = "import sys, bench.metrics.protocol\nprint({'numpy', 'torch', 'sklearn'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
