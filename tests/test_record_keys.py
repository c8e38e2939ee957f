"""The key of a run changes with everything that changes its result, and with nothing else."""

from typing import Any

import pytest
from made_records import SCHEDULE, made_cell

from bench.protocol import PROTOCOLS, Protocol
from bench.schedule import Schedule
from bench.spec import CellSpec

OTHER_SCHEDULE: dict[str, Any] = {
    "backbone": "resnet34",
    "weights": "imagenet1k_v1",
    "image_size": 96,
    "eval_image_size": 96,
    "crop": "multi-scale",
    "flip": False,
    "difficult": "ignored",
    "epochs": 3,
    "batch_size": 8,
    "accumulate": 2,
    "loss": None,  # it has a single value
    "optimizer": "sgd",
    "lr": 2e-3,
    "backbone_lr_factor": 1.0,
    "momentum": 0.5,
    "weight_decay": 0.0,
    "decay": "constant",
    "milestones": (1,),
    "gamma": 0.5,
    "warmup": 0.1,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "precision": "bf16",
    "evaluate_every": 2,
    "select": "best",
}
OTHER_PROTOCOL: dict[str, Any] = {
    "name": "other",
    "ap": "ap_voc11",
    "difficult_in_ap": "negative",
    "difficult_in_pr": "ignored",
    "threshold": 0.6,
    "comparison": ">",
    "cf1": "mean-of-classes",
    "unpredicted": "one",
    "top3": "forced",
}
OTHER_CELL: dict[str, Any] = {
    "recipe": 999,
    "data": "scenes",
    "data_fingerprint": "aaaa-cccc",
    "limit_train": 10,
    "limit_eval": 10,
    "seed": 1,
    "weights_digest": "0" * 64,
    "vectors": "0123456789abcdef",
}


def test_every_field_is_tried_below() -> None:
    assert {"about", *OTHER_SCHEDULE} == set(Schedule.model_fields)
    assert set(OTHER_PROTOCOL) == set(Protocol.model_fields)
    apart = {"method", "schedule", "schedule_name", "protocol"}
    assert {*apart, *OTHER_CELL} == set(CellSpec.model_fields)


@pytest.mark.parametrize("field", [field for field, other in OTHER_SCHEDULE.items() if other is not None])
def test_the_key_changes_with_the_schedule(field: str) -> None:
    schedule = Schedule(**{**dict(SCHEDULE), field: OTHER_SCHEDULE[field]})
    assert made_cell(schedule=schedule).key() != made_cell().key()
    assert made_cell(schedule=schedule).conditions() != made_cell().conditions()


@pytest.mark.parametrize("field", OTHER_PROTOCOL)
def test_the_key_changes_with_the_protocol(field: str) -> None:
    protocol = PROTOCOLS["bench"].model_copy(update={field: OTHER_PROTOCOL[field]})
    assert made_cell(protocol=protocol).key() != made_cell().key()
    assert made_cell(protocol=protocol).conditions() != made_cell().conditions()


@pytest.mark.parametrize("field", OTHER_CELL)
def test_the_key_changes_with_the_cell(field: str) -> None:
    other = made_cell(**{field: OTHER_CELL[field]})
    assert other.key() != made_cell().key()
    assert (other.conditions() == made_cell().conditions()) == (field == "seed")


def test_the_key_changes_with_the_method_and_its_options_but_not_with_names() -> None:
    methods = ["resnet", "resnet/pool=max", "ml-gcn", "ml-gcn/tau=0.5", "prior"]
    cells = [made_cell(method) for method in methods]
    assert len({cell.key() for cell in cells}) == len(methods)
    assert len({cell.conditions() for cell in cells}) == 1
    assert made_cell("ml-gcn/tau=0.4").key() == made_cell("ml-gcn").key()  # the default, written out
    renamed = made_cell(schedule_name="other", schedule=SCHEDULE.model_copy(update={"about": "other words"}))
    assert (renamed.key(), renamed.conditions()) == (made_cell().key(), made_cell().conditions())
