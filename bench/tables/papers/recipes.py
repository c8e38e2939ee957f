"""Which published recipes report the epoch that was best on the test images: what the schedules here say."""

from functools import cache

from bench.experiment.schedule import load_schedule, schedule_names
from bench.methods.catalog import METHODS


@cache
def chosen_on_test(recipe: str) -> bool:
    """Whether the recipe of the packaged schedule of that name chooses its epoch on the test images."""
    return recipe in schedule_names() and load_schedule(recipe, {}).chooses_on == "test"


def those_chosen_on_test() -> str:
    """The methods whose own recipes do, in a clause."""
    *others, last = (method.title for name, method in METHODS.items() if chosen_on_test(name))
    return (
        f"by their codes (bench/schedules says how surely) the recipes of {', '.join(others)} and {last} "
        "report the epoch that was best on the test images"
    )
