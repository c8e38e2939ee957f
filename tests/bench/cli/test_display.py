"""Never silent: what is printed where output is no terminal, while something takes long."""

import io
import time

from rich.console import Console

from bench.engine.planning.events import Events
from bench.engine.planning.log import LogDisplay, describe_seconds
from made_records import failed_record, made_cell, made_record

PATIENCE = 0.1


def lines_of(what: object, patience: float = PATIENCE) -> list[str]:
    """The lines that are printed while `what` is told to a display."""
    text = io.StringIO()
    with LogDisplay(Console(file=text, width=200), patience) as display:
        what(display)  # type: ignore[operator]
    return text.getvalue().splitlines()


def test_what_takes_long_gives_signs_with_the_time_left() -> None:
    def long(display: Events) -> None:
        report = display.task("reading voc2007")
        for done in range(1, 9):
            report(done, 10)
            time.sleep(PATIENCE)

    lines = lines_of(long)
    assert lines and all(line.startswith("  reading voc2007 ") and " of 10, about " in line for line in lines)
    assert len(lines) < 5, "ever more rarely"


def test_what_cannot_say_how_far_it_is_gives_signs_too() -> None:
    def silent(display: Events) -> None:
        display.task("label vectors from label-sets")
        time.sleep(3 * PATIENCE)

    assert lines_of(silent)[0].startswith("  label vectors from label-sets ... ")


def test_what_is_quick_prints_nothing() -> None:
    def quick(display: Events) -> None:
        for name in ("reading", "checking"):
            display.task(name)(1, 1)

    assert lines_of(quick, patience=5) == []


def test_a_long_epoch_and_a_long_set_up_give_signs() -> None:
    record, _ = made_record(made_cell("resnet"))

    class Planned:
        spec = record.cell

    def run(display: Events) -> None:
        display.cell_started(Planned, 1, 2)  # type: ignore[arg-type]
        time.sleep(3 * PATIENCE)
        for step in range(1, 5):
            display.step(0, step, 40, 0.5, 4)
            time.sleep(PATIENCE)
        display.epoch_finished(record.history[0])
        display.cell_finished(record)
        display.cell_finished(failed_record(record.cell))

    lines = lines_of(run)
    assert lines[0] == "[1/2] resnet on voc2007, seed 0"
    assert lines[1].startswith("  setting up ... ")
    assert any("epoch 1, loss 0.5000, batch" in line and " of 40, about " in line for line in lines)
    assert lines[-3].startswith("  epoch 1: loss 0.5000") and "mAP" in lines[-2] and "FAILED" in lines[-1]


def test_durations_in_words() -> None:
    said = [describe_seconds(seconds) for seconds in (0.4, 89, 91, 3599, 3600, 9000)]
    assert said == ["0 s", "89 s", "2 min", "1 h 00 min", "1 h 00 min", "2 h 30 min"]
