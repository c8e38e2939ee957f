"""Data frames to Markdown and CSV. Equal records give equal bytes."""

import pandas as pd

from bench.records import Record
from bench.tables.comparison import Column, Group

# A table with more classes than this has them as rows, because it would not fit a page.
WIDEST = 24


def markdown_table(frame: pd.DataFrame, columns: list[Column]) -> str:
    """One row per method, the best value of each column bold, `mean ± std` where there are several seeds."""
    text = pd.DataFrame({"Method": frame["method"], "Seeds": frame["seeds"].astype(str)})
    for column in columns:
        text[column.title] = _cells(frame, column)
    if len(columns) > WIDEST:
        text = text.set_index("Method").T.rename_axis("").reset_index()
    right = [*(["left"] if len(columns) > WIDEST else ["left", "right"]), *["right"] * len(text.columns)]
    rendered = text.to_markdown(index=False, disable_numparse=True, colalign=right[: len(text.columns)])
    return str(rendered)


def _cells(frame: pd.DataFrame, column: Column) -> list[str]:
    means, deviations = frame[column.title], frame[f"{column.title} std"]
    # Compared as printed: rounding a float otherwise may part two means that read the same.
    rounded = means.map(lambda mean: float(f"{mean:.{column.digits}f}"))
    best = rounded.max() if column.higher_is_better else rounded.min()
    cells = []
    for mean, deviation, shown in zip(means, deviations, rounded, strict=True):
        if pd.isna(mean):
            cells.append("–")
            continue
        cell = f"{mean:.{column.digits}f}"
        if not pd.isna(deviation):
            cell += f" ± {deviation:.{column.digits}f}"
        cells.append(f"**{cell}**" if shown == best else cell)
    return cells


def csv_table(frames: list[tuple[Group, pd.DataFrame]]) -> str:
    """All groups under each other, each row with the conditions that it was made under."""
    parts = []
    for group, frame in frames:
        cell = group.first.cell
        conditions = {
            "data": cell.data,
            "schedule": cell.schedule_name,
            "protocol": cell.protocol.name,
            "conditions": cell.conditions(),
        }
        parts.append(pd.DataFrame([conditions] * len(frame)).join(frame))
    return str(pd.concat(parts).to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def header(group: Group) -> str:
    """What every row of a group has in common: data, schedule, protocol."""
    record = group.first
    cell, data, schedule = record.cell, record.data, record.cell.schedule
    size = f"{schedule.image_size} px" + (
        f", tested at {schedule.test_size} px" if schedule.eval_image_size else ""
    )
    unseen = len(record.metrics.classes_without_positives) if record.metrics else 0
    limited = " (limited)" if cell.limit_train or cell.limit_eval else ""
    lines = [
        f"- data: {cell.data}, {data.train_images} training and {data.eval_images} test images{limited}, "
        f"{data.eval_labels} positive and {data.eval_difficult} difficult test labels"
        + (f", {len(data.skipped)} files skipped as unreadable" if data.skipped else "")
        + (f"; classes without a positive, which are in no mean: {unseen}" if unseen else ""),
        f"- schedule: {cell.schedule_name} — {schedule.backbone} from {schedule.weights} weights at {size}, "
        f"{schedule.epochs} epochs, batch {schedule.batch_size * schedule.accumulate}, {schedule.optimizer}, "
        f"{schedule.precision}, {schedule.select} epoch reported; label vectors: {cell.vectors}",
        f"- protocol: {cell.protocol.name} — {cell.protocol.describe()}",
        f"- {feed_statement(group)}",
    ]
    return "\n".join(lines)


def feed_statement(group: Group) -> str:
    """Whether the hashes show that at each seed every method was fed alike and started alike."""
    fed: dict[int, set[tuple[str, ...]]] = {}
    started: dict[int, set[str | None]] = {}
    for record in group.records:
        if record.history:
            fed.setdefault(record.cell.seed, set()).add(tuple(epoch.feed for epoch in record.history))
            started.setdefault(record.cell.seed, set()).add(record.backbone_digest)
    different = sorted(seed for seed in fed if len(fed[seed]) > 1 or len(started[seed]) > 1)
    if not fed:
        return "nothing was trained"
    if different:
        return f"WARNING: at seed {different[0]} the methods were not fed alike or did not start alike"
    return (
        "at each seed all methods saw the same pixels in the same order and started from the same backbone "
        "(hashes equal)"
    )


def device_statement(records: tuple[Record, ...]) -> str:
    """The devices that speeds and memory were measured on."""
    devices = sorted({record.environment.device_name for record in records if record.cost})
    return f"- device: {'; '.join(devices) or 'none'}"
