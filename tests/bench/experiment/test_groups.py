"""What stands for several methods."""

import pytest

from bench.experiment.methods import parse_methods
from bench.methods.catalog import ALL, METHOD_CATALOGUE, METHODS, SEEDS


@pytest.mark.parametrize(("group", "methods"), [("seeds", SEEDS), ("all", ALL)])
def test_a_group_stands_for_its_methods(group: str, methods: tuple[str, ...]) -> None:
    assert [choice.label() for choice in parse_methods((group,))] == list(methods)
    assert set(METHODS) == {label.partition("/")[0] for label in ALL}
    assert group in METHOD_CATALOGUE.reserved


def test_a_method_that_is_in_two_groups_and_named_too_is_there_once() -> None:
    names = [choice.label() for choice in parse_methods(("seeds", "all", "resnet", "resnet/pool=max"))]
    assert len(names) == len(set(names)) and "resnet/pool=max" in names
