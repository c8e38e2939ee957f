"""A run starts from a model that was trained before, on the same classes or on others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.datasets.classes import COCO_CLASSES, VOC_CLASSES
from bench.engine.models.model_file import ModelCard, card_of_run, save_model
from bench.engine.models.warm_start import (
    StartModel,
    class_axes,
    initialise_backbone,
    initialise_head,
    plan_init,
)
from bench.errors import UserError
from bench.experiment.methods import options_of, parse_methods
from bench.experiment.start import corresponding
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.catalog import METHODS
from bench.methods.label_space import LabelSpace
from bench.methods.model import (
    MultiLabelModel,
    earlier_dim,
    head_class,
    seeded_backbone,
    seeded_head,
    state_digest,
)
from bench.methods.small import EARLIER
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from made_records import made_cell, made_data
from small_heads import CHANNELS, SMALL, label_space
from trees import write_voc

BACKBONE = "timm/test_byobnet"
METHOD = "add-gcn/hidden=6"
# Three of these are VOC's, one of them under another name.
THEIRS, OURS = ("dog", "airplane", "zebra", "cat", "tie"), ("aeroplane", "cat", "dog", "sofa")


def space(names: tuple[str, ...], width: int = 3) -> LabelSpace:
    vectors = np.random.default_rng(len(names)).standard_normal((len(names), width)).astype(np.float32)
    made = label_space(len(names))
    return LabelSpace(names, vectors, made.counts, made.cooccurrence, 40)


def built(text: str, labels: LabelSpace, backbone: str = BACKBONE, seed: int = 0) -> MultiLabelModel:
    (choice,) = parse_methods((text,))
    body, method = seeded_backbone(backbone, RANDOM, seed), METHODS[choice.name]
    earlier = earlier_dim(method, body)
    head = seeded_head(method, options_of(choice), labels, body.feature_dim, seed, earlier)
    return MultiLabelModel(body, head)


def stored(path: Path, text: str = METHOD, labels: LabelSpace | None = None, **card: Any) -> MultiLabelModel:
    """Write a model as a run here would, and return it."""
    labels = labels or space(THEIRS)
    model = built(text, labels, seed=1)
    for buffer in model.buffers():  # as if it had been trained
        buffer.copy_(buffer + 1)
    cell = made_cell(text)
    cell = cell.model_copy(update={"schedule": cell.schedule.model_copy(update={"backbone": BACKBONE})})
    dataset = made_data()
    dataset = replace(dataset, info=replace(dataset.info, classes=labels.names))
    described = card_of_run(cell, dataset, model.backbone)
    save_model(path, model, labels, ModelCard(**{**dict(described), **card}))
    return model


def started(path: Path, parts: str, text: str = METHOD, labels: LabelSpace | None = None) -> MultiLabelModel:
    """A model of this test's classes, as a run would start it from the file."""
    labels = labels or space(OURS)
    (choice,) = parse_methods((text,))
    start = StartModel(path)
    (init,) = plan_init(start, parts, [choice], labels.names)  # type: ignore[arg-type]
    model = built(text, labels)
    initialise_backbone(model.backbone, start)
    method, width = METHODS[choice.name], model.backbone.feature_dim
    earlier = earlier_dim(method, model.backbone)
    initialise_head(model.head, start, init, method, options_of(choice), width, labels, earlier)
    return model


def assert_same(ours: MultiLabelModel, theirs: MultiLabelModel, names: set[str]) -> None:
    for name in names:
        assert torch.equal(ours.state_dict()[name], theirs.state_dict()[name]), name


def parts_of(model: MultiLabelModel, prefix: str) -> set[str]:
    return {name for name in model.state_dict() if name.startswith(prefix)}


def test_all_classes_of_voc_are_found_in_coco() -> None:
    pairs = corresponding(VOC_CLASSES, COCO_CLASSES)
    names = {VOC_CLASSES[own]: COCO_CLASSES[other] for own, other in pairs}
    assert len(names) == 20
    assert names["aeroplane"] == "airplane" and names["tvmonitor"] == "tv" and names["sofa"] == "couch"
    assert names["diningtable"] == "dining table" and names["pottedplant"] == "potted plant"
    assert names["motorbike"] == "motorcycle" and names["dog"] == "dog"
    back = corresponding(COCO_CLASSES, VOC_CLASSES)
    assert {(other, own) for own, other in back} == set(pairs)
    assert corresponding(("Traffic_Light", "fire-hydrant"), COCO_CLASSES) == [(0, 9), (1, 10)]


@pytest.mark.parametrize("name", SMALL)
def test_class_axes_are_found_though_other_axes_are_as_long(name: str) -> None:
    method, fields = SMALL[name]
    classes = 8 if method.name == "tdrg" else 7  # its width is a multiple of 4
    options = method.options(**{**fields, **({"hidden": classes} if "hidden" in fields else {})})
    earlier = EARLIER if head_class(method).reads_earlier else None
    axes = class_axes(method, options, CHANNELS, label_space(classes), earlier)
    found = {tensor: where for tensor, where in axes.items() if where}
    expected = {
        "resnet": {"classifier.weight": (0,), "classifier.bias": (0,)},
        "ml-gcn": {"propagation": (0, 1), "label_vectors": (0,)},
        "ssgrl": {
            "probability": (0, 1),
            "label_vectors": (0,),
            "classifier.weight": (0,),
            "classifier.bias": (0,),
        },
        "salgl": {
            "cooccurrence": (1, 2),
            "label_vectors": (0,),
            "classifier.weight": (0,),
            "classifier.bias": (0,),
        },
        "add-gcn": {
            "activation.weight": (0,),
            "graph_network.static_graph.weight": (0, 1),
            "graph_network.dynamic_graph.weight": (0,),
            "graph_network.dynamic_graph.bias": (0,),
            "classifier.weight": (0,),
            "classifier.bias": (0,),
        },
        "tdrg": {
            "structural_classifier.weight": (0,),
            "structural_classifier.bias": (0,),
            "activation.weight": (0,),
            "graph.weight": (0,),
            "graph.bias": (0,),
            "classifier.weight": (0,),
            "classifier.bias": (0,),
        },
    }
    if name in expected:
        assert found == expected[name]
    assert found and all(len(where) <= 2 for where in found.values())


def test_what_does_not_depend_on_the_classes_is_taken_and_nothing_else(tmp_path: Path) -> None:
    theirs = stored(tmp_path / "a.safetensors")
    ours, fresh = started(tmp_path / "a.safetensors", "class-independent"), built(METHOD, space(OURS))
    assert_same(ours, theirs, parts_of(ours, "backbone."))
    independent = {f"head.transform.{part}" for part in ("weight", "bias")} | {
        name for name in parts_of(ours, "head.graph_network.") if "_graph." not in name
    }
    assert "head.graph_network.summary_norm.running_mean" in independent
    assert_same(ours, theirs, independent)
    assert_same(ours, fresh, parts_of(ours, "head.") - independent)


def test_a_head_that_reads_two_maps_starts_from_one_that_does(tmp_path: Path) -> None:
    text = "tdrg/hidden=8/feedforward=16"
    theirs = stored(tmp_path / "a.safetensors", text)
    ours, fresh = started(tmp_path / "a.safetensors", "class-independent", text), built(text, space(OURS))
    independent = parts_of(ours, "head.scales.") | parts_of(ours, "head.guidance")
    assert_same(ours, theirs, independent | parts_of(ours, "backbone."))
    assert_same(ours, fresh, {"head.activation.weight", "head.graph.weight"})


def test_classes_of_the_same_name_are_mapped(tmp_path: Path) -> None:
    theirs = stored(tmp_path / "a.safetensors").head.state_dict()
    ours = started(tmp_path / "a.safetensors", "all").head.state_dict()
    fresh = built(METHOD, space(OURS)).head.state_dict()
    here, there = [0, 1, 2], [1, 3, 0]  # aeroplane, cat, dog
    for name in ("activation.weight", "classifier.bias", "graph_network.dynamic_graph.weight"):
        assert torch.equal(ours[name][here], theirs[name][there])
        assert torch.equal(ours[name][3], fresh[name][3]), "the sofa is not among theirs"
    graph, other = ours["graph_network.static_graph.weight"], theirs["graph_network.static_graph.weight"]
    for row, their_row in zip(here, there, strict=True):
        assert torch.equal(graph[row, here], other[their_row, there])
    start = fresh["graph_network.static_graph.weight"]
    assert torch.equal(graph[3], start[3]) and torch.equal(graph[:, 3], start[:, 3])
    assert torch.equal(ours["transform.weight"], theirs["transform.weight"])


def test_the_same_classes_give_the_same_model(tmp_path: Path) -> None:
    labels = space(THEIRS)
    theirs = stored(tmp_path / "a.safetensors", labels=labels)
    ours = started(tmp_path / "a.safetensors", "all", labels=labels)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(ours.eval()(images).logits, theirs.eval()(images).logits)


@pytest.mark.parametrize(
    "text", ["salgl/hidden=6/feedforward=8/scenes=2", "ssgrl/hidden=6", "ml-gcn/hidden=6"]
)
def test_graphs_vectors_and_memories_stay_those_of_the_data_set(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    theirs = stored(path, text)
    ours, fresh = started(path, "all", text), built(text, space(OURS))
    own = {name for name, buffer in fresh.head.named_buffers()}
    assert own & {"label_vectors", "cooccurrence", "probability", "propagation"}
    assert_same(ours, fresh, {f"head.{name}" for name in own})
    layer = next(name for name in parts_of(ours, "head.") if name.endswith(("output.weight", "first.weight")))
    assert_same(ours, theirs, {layer})


def test_of_another_method_only_the_backbone_is_taken(tmp_path: Path) -> None:
    theirs = stored(tmp_path / "a.safetensors")
    ours = started(tmp_path / "a.safetensors", "all", "resnet")
    assert_same(ours, theirs, parts_of(ours, "backbone."))
    assert_same(ours, built("resnet", space(OURS)), parts_of(ours, "head."))
    choices = parse_methods(("resnet", METHOD))
    planned = plan_init(StartModel(tmp_path / "a.safetensors"), "all", choices, OURS)
    assert [(init.parts, init.classes) for init in planned] == [("backbone", 0), ("all", 3)]
    assert planned[0].file == "a.safetensors" and planned[0].method == METHOD
    assert "its backbone alone" in planned[0].describe() and "3 classes by name" in planned[1].describe()


def test_images_are_normalised_as_the_weights_are_used_to(tmp_path: Path) -> None:
    stored(tmp_path / "a.safetensors", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    ours = started(tmp_path / "a.safetensors", "backbone").backbone
    assert ours.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert ours.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])


def refused(path: Path, parts: str, text: str = METHOD, labels: LabelSpace | None = None) -> str:
    with pytest.raises(UserError) as error:
        started(path, parts, text, labels)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    stored(path)
    wider = refused(path, "all", "add-gcn/hidden=7")
    assert "is add-gcn/hidden=6" in wider and "give the same options" in wider
    assert "classifier.weight is (5, 6) in the file and would be (5, 7) here" in wider
    assert started(path, "backbone", "add-gcn/hidden=7")
    fewer = refused(path, "class-independent", "add-gcn/hidden=6/graph=static")
    assert "graph_network.dynamic_graph.bias is only in the file" in fewer
    strangers = refused(path, "all", labels=space(("spoon", "fork")))
    assert "has no class of the data set" in strangers and "--init-parts class-independent" in strangers
    assert started(path, "class-independent", labels=space(("spoon", "fork")))

    other = build_backbone("timm/resnet18")
    with pytest.raises(
        UserError, match=r"is timm/test_byobnet and not timm/resnet18: .*--backbone timm/test"
    ):
        initialise_backbone(other, StartModel(path))

    narrow = tmp_path / "b.safetensors"
    stored(narrow, "ml-gcn/hidden=6", space(THEIRS, width=4))
    message = refused(narrow, "class-independent", "ml-gcn/hidden=6")
    assert "first.weight is (4, 6) in the file and would be (3, 6) here" in message and "--vectors" in message
    assert "does not exist" in refused(tmp_path / "none.safetensors", "backbone")
    stored(path, frozen=True)
    assert "was not trained: leave out --init-from" in refused(path, "backbone")


def records(folder: Path) -> dict[tuple[str, str], Record]:
    """By method, and by what it started from."""
    found = (record for record in RecordStore(folder / "results").all() if isinstance(record, Record))
    return {
        (record.cell.method.name, record.cell.init_from.parts if record.cell.init_from else ""): record
        for record in found
    }


def backbone_of(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return {name: value for name, value in load_file(path).items() if name.startswith("backbone.")}


@pytest.mark.slow
def test_a_run_starts_from_the_model_of_another_and_says_so(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    tiny = (*TINY, "--epochs", "1")
    first = bench(tmp_path, tmp_path / "data", "run", "--methods", "ml-gcn/hidden=8", *tiny)
    assert first.exit_code == 0, first.output
    run_id = records(tmp_path)["ml-gcn", ""].run_id
    model = tmp_path / "work" / "runs" / run_id / "model.safetensors"
    asked = ("run", "--methods", "ml-gcn/hidden=8,resnet", "--init-from", str(model), *tiny)
    done = bench(tmp_path, tmp_path / "data", *asked, "--init-parts", "all")
    assert done.exit_code == 0, done.output

    found = records(tmp_path)
    assert {("ml-gcn", "all"), ("prior", "all"), ("resnet", "backbone"), ("prior", "backbone")} < found.keys()
    record = found["ml-gcn", "all"]
    init = record.cell.init_from
    assert init is not None and init.classes == 20 and init.method == "ml-gcn/hidden=8"
    assert record.cell.schedule.weights == "none"
    conditions = {record.cell.conditions() for record in found.values()}
    assert len(conditions) == 3, "from scratch, from all, from the backbone"
    assert record.backbone_digest == found["resnet", "backbone"].backbone_digest
    assert record.backbone_digest != found["ml-gcn", ""].backbone_digest
    start = built("resnet", space(OURS), seed=5)
    start.load_state_dict(start.state_dict() | backbone_of(model))
    assert record.backbone_digest == state_digest(start.backbone)

    shown = bench(tmp_path, None, "show", record.run_id).output
    by = f"ml-gcn/hidden=8 trained on voc2007, sha256 {init.sha256[:12]}"
    assert f" model.safetensors ({by}): all" in shown
    tables = bench(tmp_path, None, "tables").output
    assert "timm/test_byobnet from model.safetensors (ml-gcn/hidden=8" in tables
    asked = ("run", "--methods", "ml-gcn/hidden=8,resnet", "--init-from", run_id, *tiny)
    again = bench(tmp_path, tmp_path / "data", *asked, "--init-parts", "all")
    assert "0 of 4 runs done now" in again.output


@pytest.mark.slow
def test_features_are_those_of_the_backbone_that_is_started_from(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    theirs = stored(tmp_path / "a.safetensors", "resnet")
    asked = ("run", "--schedule", "frozen", "--methods", "resnet", "--epochs", "1", *TINY)
    start = ("--init-from", str(tmp_path / "a.safetensors"), "--init-parts", "backbone")
    for more in ((), start):
        done = bench(tmp_path, tmp_path / "data", *asked, *more)
        assert done.exit_code == 0, done.output
    scratch, other = records(tmp_path)["resnet", ""], records(tmp_path)["resnet", "backbone"]
    assert scratch.backbone_digest != other.backbone_digest
    weights = backbone_of(tmp_path / "work" / "runs" / other.run_id / "model.safetensors")
    for name, tensor in theirs.backbone.state_dict().items():
        assert torch.equal(weights[f"backbone.network.{name}"], tensor), name


VALIDATION = ("--split", "validation")
CHOOSES = ("--set", "select=best", "--set", "select_on=validation")


@pytest.mark.parametrize(
    ("trained_on", "held_out", "data", "more", "said"),
    [
        ("voc2007", False, "voc2007", VALIDATION, "all of the training split of voc2007"),
        (
            "voc2007",
            False,
            "voc2007-train-val",
            (),
            "training split has the test images of voc2007-train-val",
        ),
        ("voc2007", False, "voc2007-train-val", VALIDATION, "perhaps on the validation split of"),
        ("voc2007", True, "voc2007-train-val", CHOOSES, "perhaps on the validation split of"),
    ],
)
def test_a_model_that_was_trained_on_what_is_looked_at_is_refused(
    trained_on: str, held_out: bool, data: str, more: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    write_voc(tmp_path / "data", train=120, test=2)
    stored(tmp_path / "a.safetensors", "resnet", data=trained_on, held_out=held_out)
    asked = ("run", "--methods", "resnet", *TINY, "--data", data, "--init-from", "a.safetensors", *more)
    done = bench(tmp_path, tmp_path / "data", *asked, "--dry-run")
    assert done.exit_code == 2 and said in " ".join(done.output.split()), done.output


@pytest.mark.parametrize(
    ("trained_on", "held_out", "data", "noted"),
    [
        ("voc2007", True, "voc2007-train-val", True),
        ("voc2007-train-val", False, "voc2007", True),
        ("voc2007", False, "voc2007", False),
        ("coco2014", False, "voc2007", False),
    ],
)
def test_of_the_same_images_in_other_splits_it_is_said(
    trained_on: str, held_out: bool, data: str, noted: bool, tmp_path: Path
) -> None:
    write_voc(tmp_path / "data", train=8, test=2)
    stored(tmp_path / "a.safetensors", "resnet", data=trained_on, held_out=held_out)
    asked = ("run", "--methods", "resnet", *TINY, "--data", data, "--init-from", "a.safetensors", "--dry-run")
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 0, done.output
    sentence = (
        f"trained on {trained_on}, which has the same images in other splits; test images of {data} may"
    )
    assert (sentence in " ".join(done.output.split())) == noted, done.output


def test_contradictions_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=4, test=2)
    path = tmp_path / "a.safetensors"
    stored(path, "resnet")

    def said(*arguments: str) -> str:
        done = bench(tmp_path, tmp_path / "data", "run", "--methods", "resnet", *arguments)
        assert done.exit_code == 2, done.output
        return " ".join(done.output.split())

    both = said("--data", "voc2007", "--init-from", str(path), "--weights", "imagenet1k_v1")
    assert "Give --weights or --init-from, not both" in both
    unknown = said(*TINY, "--init-from", "voc2007-resnet-s0")
    assert "There is no model 'voc2007-resnet-s0', and no run with a model in" in unknown
    assert "init_parts says what of the model init_from is taken: add init_from" in said(
        *TINY, "--init-parts", "all"
    )
    assert "'init_parts' is 'head'" in said(*TINY, "--init-from", str(path), "--init-parts", "head")
    assert "does not exist" in said(*TINY, "--init-from", "none.safetensors")
    assert "is no whole safetensors file" in said(*TINY, "--init-from", str(Path(__file__)))
    other = said(*TINY, "--backbone", "timm/resnet10t", "--init-from", str(path))
    assert "use --backbone timm/test_byobnet" in other
    assert not (tmp_path / "results").exists()
