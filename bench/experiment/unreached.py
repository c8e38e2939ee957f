"""What a schedule asks for that its epochs are too few for, as in a quick look with fewer of them."""

from bench.experiment.schedule import Schedule


def unreached(schedule: Schedule) -> str:
    """A sentence on what never comes to pass in so many epochs; empty where everything may."""
    epochs = schedule.epochs
    late = [str(one) for one in schedule.milestones if schedule.decay == "step" and one >= epochs]
    parts = [f"milestone{'s' * (len(late) > 1)} {', '.join(late)} of the learning rate"] if late else []
    # The first score is no worse than any, and the last one slows nothing any more.
    if schedule.patience is not None and schedule.patience > epochs - 3:
        parts.append(f"patience {schedule.patience} of the learning rate to end")
    evaluated = sum(schedule.evaluates_after(epoch) for epoch in range(1, epochs + 1))
    if schedule.select == "best" and evaluated == 1 < epochs:
        parts.append("an evaluation before the last, which select 'best' needs")
    if not parts:
        return ""
    few = "1 epoch is" if epochs == 1 else f"{epochs} epochs are"
    return f"{few} too few for {', and for '.join(parts)}"
