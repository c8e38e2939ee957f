"""The metadata at the head of a model card, with the keys that Hugging Face's hub reads."""

from typing import Any, Final

import yaml

from bench.engine.readme.subject import Described
from bench.metrics.bootstrap import NAMES
from bench.metrics.evaluate import Metrics
from bench.records.groups import data_title
from bench.records.record import Record

LIBRARY: Final = "mlr-bench"
FENCE: Final = "---\n"
"""What stands above the metadata and below it."""


def metadata(model: Described) -> str:
    """The block of YAML between two lines of dashes; the keys are those that Hugging Face's hub reads."""
    card, record = model.card, model.record
    fields: dict[str, Any] = {
        "license": model.licence,
        "library_name": LIBRARY,
        "pipeline_tag": "image-classification",
        "tags": [
            "multi-label-classification",
            "image-classification",
            "safetensors",
            LIBRARY,
            card.method.name,
        ],
    }
    if record is not None:
        fields["datasets"] = [record.cell.data]
    if record is not None and record.metrics is not None:
        fields["metrics"] = list(NAMES)
        fields["model-index"] = [{"name": record.run_id, "results": _results(record, record.metrics)}]
    return FENCE + yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000) + FENCE


def _results(record: Record, metrics: Metrics) -> list[dict[str, Any]]:
    values = {name: round(100 * metrics.value(name), 2) for name in NAMES}
    return [
        {
            "task": {"type": "image-classification", "name": "Multi-label image classification"},
            "dataset": {
                "type": record.cell.data,
                "name": data_title([record]),
                "split": record.cell.split,
            },
            "metrics": [
                {"type": name, "name": f"{name} (%, protocol {record.cell.protocol.name})", "value": value}
                for name, value in values.items()
            ],
        }
    ]
