"""For tests of what is printed: records whose metrics are chosen, and not computed from their scores."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def made_up_metrics() -> Iterator[None]:
    """Take metrics as they stand; `tests/bench/records/test_agreement.py` holds what is done with others."""
    with pytest.MonkeyPatch.context() as patch:
        for user in ("records.runs", "tune.outcome"):
            patch.setattr(f"bench.{user}.disagreement", lambda store, record: "")
        yield
