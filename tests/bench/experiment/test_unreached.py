"""What a schedule asks for that its epochs or evaluations are too few for is said, or refused."""

from pathlib import Path

import pytest

from bench.engine.training.optimisation import learning_rate_factor
from bench.errors import UserError
from bench.experiment.schedule import Schedule, load_schedule
from bench.experiment.unreached import unreached
from bench_command import bench
from made_records import SCHEDULE
from trees import write_voc


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("frozen", {"select": "best"}),
        ("ml-gcn", {"evaluate_every": 0}),
        ("identical", {"select": "best", "evaluate_at": ()}),
    ],
)
def test_the_best_of_one_epoch_is_refused(name: str, fields: dict[str, object]) -> None:
    """A validation split would leave the training images, and nothing would be chosen on it."""
    said = "select 'best' has the last epoch alone to choose from: give evaluate_every or evaluate_at"
    with pytest.raises(UserError, match=said):
        load_schedule(name, fields)
    assert load_schedule(name, fields, as_given=False), "what was recorded or drawn is taken"
    assert load_schedule("identical", {"select": "best"}), "there are marks to choose from"


@pytest.mark.parametrize(
    ("name", "epochs", "said"),
    [
        ("add-gcn", 50, ""),
        ("add-gcn", 42, ""),
        ("add-gcn", 41, "41 epochs are too few for milestone 41 of the learning rate"),
        ("add-gcn", 1, "1 epoch is too few for milestones 31, 41 of the learning rate"),
        ("c-tran", 8, ""),
        ("c-tran", 7, "7 epochs are too few for patience 5 of the learning rate to end"),
        ("identical", 3, ""),
        ("ml-gcn", 1, ""),
    ],
)
def test_what_the_epochs_are_too_few_for_is_said(name: str, epochs: int, said: str) -> None:
    assert unreached(load_schedule(name, {"epochs": epochs})) == said
    assert unreached(load_schedule(name, {})) == ""


@pytest.mark.parametrize(("name", "drops"), [("add-gcn", 2), ("c-tran", 1)])
def test_it_is_said_where_the_learning_rate_falls_less_often_than_it_is_to(name: str, drops: int) -> None:
    for epochs in range(1, 45):
        schedule = load_schedule(name, {"epochs": epochs})
        # Of scores that are no better than the first.
        rate = learning_rate_factor(schedule, epochs * 3 - 1, 3, [0.5] * (epochs - 1))
        assert (rate > 1.01 * schedule.gamma**drops) == bool(unreached(schedule)), epochs


def test_an_evaluation_before_the_last_is_what_the_best_epoch_needs() -> None:
    def made(epochs: int) -> Schedule:
        return Schedule(**{**dict(SCHEDULE), "epochs": epochs, "evaluate_every": 5, "select": "best"})

    said = "3 epochs are too few for an evaluation before the last, which select 'best' needs"
    assert unreached(made(3)) == said
    assert not unreached(made(6)) and not unreached(made(1))


def test_a_milestone_before_the_first_epoch_is_refused() -> None:
    with pytest.raises(UserError, match=r"milestones.* -1: input should be greater than or equal to 0"):
        load_schedule("add-gcn", {"milestones": [-1]})


def test_a_plan_says_it_of_each_schedule_once(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=20, test=4)
    asked = ("--methods", "resnet,csra", "--data", "voc2007", "--seeds", "0,1", "--schedule", "add-gcn")
    small = ("--backbone", "resnet18", "--weights", "none", "--set", "select_on=validation")
    done = bench(tmp_path, tmp_path / "data", "run", *asked, *small, "--epochs", "2", "--dry-run")
    note = "note: schedule add-gcn: 2 epochs are too few for milestones 31, 41 of the learning rate\n"
    assert done.exit_code == 0 and done.output.count(note) == 1, done.output
