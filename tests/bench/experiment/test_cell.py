"""The key of a run changes with everything that changes its result, and with nothing else."""

from typing import Any

import pytest
from pydantic import ValidationError

from bench.experiment.cell import _LATER, CellSpec
from bench.experiment.loss import ASL
from bench.experiment.schedule import Schedule
from bench.experiment.start import InitFrom
from bench.experiment.tuned import Tuned
from bench.metrics.protocol import PROTOCOLS, Protocol
from made_records import SCHEDULE, made_cell

OTHER_SCHEDULE: dict[str, Any] = {
    "backbone": "resnet34",
    "weights": "imagenet1k_v1",
    "trained_backbone": "last-stage",
    "feature_channels": 8,
    "head_width": 64,
    "start_at_prior": True,
    "frozen_statistics": True,
    "frozen_norms": True,
    "optimizer_eps": 1e-7,
    "ema_or_weights": True,
    "image_size": 96,
    "eval_image_size": 96,
    "eval_crop": 0.9,
    "resize": 128,
    "crop": "multi-scale",
    "crop_sizes": (64,),
    "flip": False,
    "cutout": 0.5,
    "rand_augment": True,
    "difficult": "ignored",
    "epochs": 3,
    "batch_size": 8,
    "drop_last": False,
    "accumulate": 2,
    "loss": ASL(),
    "optimizer": "sgd",
    "lr": 2e-3,
    "backbone_lr_factor": 1.0,
    "momentum": 0.5,
    "weight_decay": 0.0,
    "cycle_momentum": True,
    "decay": "constant",
    "milestones": (1,),
    "gamma": 0.5,
    "patience": 2,
    "plateau_of": "loss",
    "stop_after": 3,
    "warmup": 0.1,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "ema_beside": 0.9,
    "precision": "bf16",
    "evaluate_every": 2,
    "evaluate_at": (0.5,),
    "select": "best",
    "select_on": "test",
    "decay_vectors": False,
    "normalize": "none",
    "crop_scale": 0.5,
    "reduction": "sum",
}
# Fields without which another may not be changed.
NEEDS: dict[str, dict[str, Any]] = {
    "feature_channels": {"trained_backbone": "none"},
    "frozen_statistics": {"trained_backbone": "last-stage"},
    "crop_sizes": {"crop": "random", "crop_sizes": (48,), "resize": 64},
    "ema_or_weights": {"ema_decay": 0.9, "select": "best"},
    "crop_scale": {"crop": "random-resized", "crop_scale": 0.7},
    "cycle_momentum": {"decay": "one-cycle"},
    "patience": {"decay": "plateau", "patience": 1},
}
OTHER_PROTOCOL: dict[str, Any] = {
    "name": "other",
    "ap": "ap_voc11",
    "difficult_in_ap": "negative",
    "difficult_in_pr": "negative",
    "threshold": 0.6,
    "comparison": ">",
    "cf1": "mean-of-classes",
    "unpredicted": "one",
    "top3": "forced",
}
COUNTED_THEN = PROTOCOLS["bench"].model_copy(update={"difficult_in_pr": "negative"})
"""`bench` as it was when the keys below were computed."""
INIT = InitFrom(file="a.safetensors", sha256="0" * 64, method="resnet", parts="backbone", classes=0)
OTHER_INIT: dict[str, Any] = {
    "sha256": "1" * 64,
    "method": "resnet/pool=max",
    "parts": "all",
    "classes": 3,
}
OTHER_CELL: dict[str, Any] = {
    "recipe": 999,
    "data": "scenes",
    "data_fingerprint": "aaaa-cccc",
    "limit_train": 10,
    "limit_eval": 10,
    "split": "validation",
    "tuned": Tuned(name="a", method="resnet", design="0" * 12, trials=4, fields=("lr",)),
    "seed": 1,
    "weights_digest": "0" * 64,
    "init_from": INIT,
    "vectors": "0123456789abcdef",
}


def test_every_field_is_tried_below() -> None:
    assert {"about", *OTHER_SCHEDULE} == set(Schedule.model_fields)
    assert set(OTHER_PROTOCOL) == set(Protocol.model_fields)
    apart = {"method", "schedule", "schedule_name", "protocol"}
    assert {*apart, *OTHER_CELL} == set(CellSpec.model_fields)


@pytest.mark.parametrize("field", OTHER_SCHEDULE)
def test_the_key_changes_with_the_schedule(field: str) -> None:
    fields = {**dict(SCHEDULE), **NEEDS.get(field, {})}
    one, other = (Schedule(**{**fields, field: value}) for value in (fields[field], OTHER_SCHEDULE[field]))
    assert made_cell(schedule=other).key() != made_cell(schedule=one).key()
    assert made_cell(schedule=other).conditions() != made_cell(schedule=one).conditions()


def test_a_run_without_a_field_that_came_later_keeps_its_identity() -> None:
    cell = made_cell(protocol=COUNTED_THEN)
    older = cell.model_dump(mode="json")
    for field in _LATER:
        del older["schedule"][field]
    # As computed before these fields were there.
    assert cell.key() == CellSpec(**older).key() == "f7cd0b831b9e"


@pytest.mark.parametrize("field", OTHER_PROTOCOL)
def test_the_key_changes_with_the_protocol(field: str) -> None:
    protocol = PROTOCOLS["bench"].model_copy(update={field: OTHER_PROTOCOL[field]})
    assert made_cell(protocol=protocol).key() != made_cell().key()
    assert made_cell(protocol=protocol).conditions() != made_cell().conditions()


@pytest.mark.parametrize("field", OTHER_INIT)
def test_the_key_changes_with_what_a_run_started_from_but_not_with_the_file_s_name(field: str) -> None:
    assert {"file", "data", *OTHER_INIT} == set(InitFrom.model_fields)
    cell = made_cell(init_from=INIT)
    other = made_cell(init_from=INIT.model_copy(update={field: OTHER_INIT[field]}))
    assert other.key() != cell.key() and other.conditions() != cell.conditions()
    said = {"file": "b.safetensors", "data": "coco2014"}
    renamed = made_cell(init_from=INIT.model_copy(update=said))
    assert (renamed.key(), renamed.conditions()) == (cell.key(), cell.conditions())


@pytest.mark.parametrize("field", OTHER_CELL)
def test_the_key_changes_with_the_cell(field: str) -> None:
    other = made_cell(**{field: OTHER_CELL[field]})
    assert other.key() != made_cell().key()
    assert (other.conditions() == made_cell().conditions()) == (field == "seed")


def test_runs_of_one_tune_share_their_conditions_whatever_was_chosen() -> None:
    def cell(method: str, lr: float, **changes: Any) -> CellSpec:
        tuned = {"name": "a", "method": method, "design": "0" * 12, "trials": 4, "fields": ("lr",), **changes}
        schedule = SCHEDULE.model_copy(update={"lr": lr})
        return made_cell(
            f"{method}{'/tau=0.3' * (method == 'ml-gcn')}", schedule=schedule, tuned=Tuned(**tuned)
        )

    one, other = cell("resnet", 1e-3), cell("ml-gcn", 1e-2)
    assert one.conditions() == other.conditions() == cell("resnet", 1e-3, name="b").conditions()
    assert one.key() != cell("resnet", 1e-2).key()
    given = cell("resnet", 1e-3, given=("pool",))
    assert given.conditions() == one.conditions() and given.but_seed() != one.but_seed()
    assert cell("resnet", 1e-3, design="1" * 12).conditions() != one.conditions()
    assert one.conditions() != made_cell().conditions()
    assert (other.row(), other.method.label()) == ("ml-gcn", "ml-gcn/tau=0.3")


def test_a_record_of_an_older_recipe_keeps_its_identity_and_chose_on_the_test_split() -> None:
    fields = made_cell(recipe=2, protocol=COUNTED_THEN).model_dump(mode="json")
    del fields["split"], fields["schedule"]["select_on"], fields["schedule"]["decay_vectors"]
    older = CellSpec(**fields)
    assert (older.split, older.schedule.select_on) == ("test", "test")
    assert older.key() == "508ae97eb3ac"  # as it was computed then
    assert older.key() != made_cell().key()


@pytest.mark.parametrize(("name", "value"), [("split", "validation"), ("tuned", OTHER_CELL["tuned"])])
def test_a_run_of_an_older_recipe_is_on_test_images_and_not_tuned(name: str, value: object) -> None:
    """No hash of it covers either, so a record that says so was edited."""
    fields = made_cell(recipe=2, protocol=COUNTED_THEN).model_dump(mode="json")
    with pytest.raises(ValidationError, match=f"a run of recipe 2 has no {name}"):
        CellSpec(**{**fields, name: value})


def test_the_key_changes_with_the_method_and_its_options_but_not_with_names() -> None:
    methods = ["resnet", "resnet/pool=max", "ml-gcn", "ml-gcn/tau=0.5", "prior"]
    cells = [made_cell(method) for method in methods]
    assert len({cell.key() for cell in cells}) == len(methods)
    assert len({cell.conditions() for cell in cells}) == 1
    assert made_cell("ml-gcn/tau=0.4").key() == made_cell("ml-gcn").key()  # the default, written out
    renamed = made_cell(schedule_name="other", schedule=SCHEDULE.model_copy(update={"about": "other words"}))
    assert (renamed.key(), renamed.conditions()) == (made_cell().key(), made_cell().conditions())
