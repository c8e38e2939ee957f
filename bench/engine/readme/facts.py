"""What a model card says of the training: on which data, and how."""

from bench.engine.models.model_file import ModelCard
from bench.engine.readme.markup import code, grid, plain
from bench.engine.readme.subject import known_data
from bench.records.numerics import parts_of
from bench.records.record import Record


def data_section(card: ModelCard, record: Record | None) -> str:
    """The data that it was trained and measured on, as a table."""
    facts: dict[str, object] = {"Label graph": card.graph, "Label vectors": card.vectors}
    if record is None:
        images = card.train_images
        facts = {"Training images": "not known" if images is None else images, **facts}
    else:
        facts = {**_data_facts(record), **facts}
    return grid(("", ""), [(name, plain(value)) for name, value in facts.items()])


def _data_facts(record: Record) -> dict[str, object]:
    cell, data, info = record.cell, record.data, known_data(record)
    facts: dict[str, object] = {
        "Data set": cell.data if data.title is None else f"{data.title} ({cell.data})",
        "Source": info.source if info else "a data set of somebody's own; ask them",
        "Terms of the images": info.licence if info else "not known",
        "Fingerprint of the data": cell.data_fingerprint,
        "Training images": data.train_images,
        "Positive training labels": f"{data.train_labels}, and {data.train_difficult} difficult ones",
        f"Images measured on ({cell.split})": data.eval_images,
        f"Positive {cell.split} labels": f"{data.eval_labels}, and {data.eval_difficult} difficult ones",
    }
    if data.skipped:
        facts["Files left out"] = len(data.skipped)
    return facts


def training_section(card: ModelCard, record: Record | None) -> str:
    """Where it started from, its schedule, the machine and the versions."""
    if record is None:
        return (
            f"Not known: its file comes from {plain(card.source)}, and no record of its training is here. It "
            f"was trained on images of {card.train_size} pixels."
        )
    cell, environment, cost = record.cell, record.environment, record.cost
    facts: dict[str, object] = {
        "Method, with its options": cell.method.label(),
        "Started from": cell.init_from.describe() if cell.init_from else f"{cell.schedule.weights} weights",
        "Tune": f"{cell.tuned.name}, {cell.tuned.trials} trials each" if cell.tuned else None,
        "Seed": cell.seed,
        "Trainable parameters": cost and f"{cost.parameters:,}",
        "Time": cost and f"{cost.wall_seconds:.0f} s on {environment.device_name}",
        "Versions": ", ".join(f"{name} {number}" for name, number in environment.versions.items()),
        "Trained partly under other conditions": parts_of(record) or None,
        "Git revision": environment.git_revision,
    }
    fields = [
        (code(name), code(value)) for name, value in cell.schedule if name != "about" and value is not None
    ]
    return "\n\n".join(
        [
            f"Schedule {code(cell.schedule_name)}: {plain(cell.schedule.about)}.",
            grid(("", ""), [(name, plain(value)) for name, value in facts.items() if value is not None]),
            "<details><summary>Every field of the schedule</summary>",
            grid(("Field", "Value"), fields),
            "</details>",
        ]
    )
