"""Published checkpoint files become models here: names, sizes, classes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.datasets.classes import COCO_CLASSES, VOC_CLASSES
from bench.engine.models.import_published import Given, import_published
from bench.engine.models.model_file import load_model
from bench_command import bench
from published_made import (
    CODES,
    DIM,
    HIDDEN,
    SCENES,
    WIDTH,
    given_in,
    made_state,
    refusal,
    same,
    state,
    write,
    write_constants,
)

Say = Callable[..., Given]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Say:
    """Says of a method's checkpoint what it does not hold; keywords change it."""
    folder = tmp_path_factory.mktemp("constants")
    write_constants(folder)
    return partial(given_in, folder)


@pytest.mark.parametrize("method", CODES)
def test_a_checkpoint_comes_through_the_command_with_every_tensor(
    method: str, given: Say, tmp_path: Path
) -> None:
    path = write(tmp_path / "best.pth.tar", state(method))
    wanted = given(method)
    constants = [
        part
        for option in ("vectors", "graph")
        if (value := getattr(wanted, option))
        for part in (f"--{option}", str(value))
    ]
    done = bench(
        tmp_path, None, "import-checkpoint", "--from", wanted.code, "--data", "voc2007", *constants, str(path)
    )
    assert done.exit_code == 0, done.output
    trained = load_model(tmp_path / "best.safetensors")
    card = trained.card
    assert (card.method.name, card.backbone, card.protocol) == (method, "resnet18", CODES[method])
    assert card.classes == VOC_CLASSES and card.feature_dim == 512
    assert "best.pth.tar (sha256 " in card.source
    loaded = trained.model.state_dict()
    prefix = {"ml-gcn": "features.0", "add-gcn": "features.0", "ssgrl": "resnet_101.conv1"}.get(method)
    later = {"query2label": "backbone.0.body.conv1", "c-tran": "backbone.base_network.conv1"}
    prefix = prefix or {"salgl": "backbone.conv1", "resnet": "network.conv1", **later}[method]
    assert torch.equal(loaded["backbone.network.0.weight"], state(method)[f"{prefix}.weight"])
    read, _ = import_published(path, wanted)
    assert same(trained, read)
    again = bench(
        tmp_path, None, "import-checkpoint", "--from", wanted.code, "--data", "voc2007", *constants, str(path)
    )
    assert again.exit_code == 2 and "exists already" in again.output


def test_sizes_of_the_head_are_read_from_the_tensors(given: Say, tmp_path: Path) -> None:
    trained, _ = import_published(write(tmp_path / "a.pth", state("salgl")), given("salgl"))
    options = trained.card.method.options
    assert (options["scenes"], options["hidden"], options["feedforward"]) == (SCENES, HIDDEN, 512)
    assert not options["positions"]
    positions = {**state("salgl"), "position_embedding.pe": torch.zeros(1)}
    trained, _ = import_published(
        write(tmp_path / "b.pth", positions), given("salgl", code="salgl/soft=true")
    )
    assert trained.card.method.options["positions"] and trained.card.method.options["soft"]


def test_counters_that_old_files_lack_are_no_missing_names(given: Say, tmp_path: Path) -> None:
    old = {n: t for n, t in state("add-gcn").items() if not n.endswith("num_batches_tracked")}
    assert len(old) < len(state("add-gcn"))
    trained, _ = import_published(write(tmp_path / "old.pth", old), given("add-gcn"))
    assert trained.model.state_dict()["head.activation.weight"].shape == (20, 512)


def test_the_checkpoint_of_another_method_is_recognised(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "salgl.pth", state("salgl"))
    assert "are those of salgl; import it with --from salgl" in refusal(path, given("add-gcn"))
    path = write(tmp_path / "ssgrl.pth", state("ssgrl"))
    assert "--from ssgrl or multilabelclassification" in refusal(path, given("ml-gcn"))
    trained, _ = import_published(path, given("ssgrl", code="multilabelclassification"))
    assert (trained.card.method.name, trained.card.protocol) == ("ssgrl", "multilabelclassification")
    plain = write(tmp_path / "plain.pth", {"conv1.weight": torch.zeros(3), "fc.weight": torch.zeros(3)})
    assert "nor of another known method" in refusal(plain, given("ml-gcn"))
    assert "Did you mean 'add-gcn'" in refusal(path, given("ssgrl", code="addgcn"))


def test_every_missing_and_unexpected_name_is_listed(given: Say, tmp_path: Path) -> None:
    tensors = dict(state("salgl"))
    gone = ["backbone.layer2.0.bn1.bias", "ggnn.fc2_u.bias", "comatrix"]
    for name in gone:
        del tensors[name]
    strays = ["backbone.layer2.0.se.weight", "backbone.fc.weight", "gate.weight"]
    tensors |= dict.fromkeys(strays, torch.zeros(1))
    missing, _, unexpected = refusal(write(tmp_path / "x.pth", tensors), given("salgl")).partition(
        "unexpected"
    )
    assert all(name in missing for name in gone) and all(name in unexpected for name in strays)


def test_shapes_of_other_options_are_named(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pth", state("add-gcn"))
    message = refusal(path, given("add-gcn", code="add-gcn/hidden=7"))
    assert "head.transform.weight is 16 x 512 instead of 7 x 512" in message and "--from add-gcn/" in message
    unknown = {n: t for n, t in state("add-gcn").items() if not n.startswith("features.6.1.")}
    message = refusal(write(tmp_path / "y.pth", unknown), given("add-gcn"))
    assert "(2, 2, 1, 2) blocks" in message and "resnet18" in message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("query2label/project=true/width=512", "the model needs head.project.bias, head.project.weight"),
        ("query2label/decoder_layers=3", "head.decoder.2.project.weight, which the file has not"),
        ("query2label/decoder_layers=1", "the file has transformer.decoder.layers.1.linear1.bias, "),
        ("query2label/encoder_layers=0", "the file has transformer.encoder.layers.0.linear1.bias, "),
        ("c-tran/layers=4", "head.layers.2.project.weight, which the file has not"),
        ("c-tran/layers=2", "self_attn_layers.1.transformer_layer.self_attn.out_proj.weight, which"),
        ("c-tran/known=0", "the file has known_label_lt.weight, which the model has not"),
        ("add-gcn/graph=static", "gcn.dynamic_weight.weight, which the model has not"),
        ("ml-gcn/layers=3", "which the file has not"),
    ],
)
def test_options_with_other_layers_than_the_file_has_are_refused(
    code: str, said: str, given: Say, tmp_path: Path
) -> None:
    method = code.partition("/")[0]
    message = refusal(write(tmp_path / "x.pth", state(method)), given(method, code=code))
    assert said in message and f"--from {method}/option=value" in message


def test_a_projection_that_the_model_would_not_have_is_refused(given: Say, tmp_path: Path) -> None:
    projection = {"input_proj.weight": torch.randn(DIM, DIM, 1, 1), "input_proj.bias": torch.randn(DIM)}
    path = write(tmp_path / "x.pth", {**state("query2label"), **projection})
    message = refusal(path, given("query2label", code="query2label/project=false"))
    assert "without a projection" in message and "add project=true" in message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("query2label/heads=8", "heads=8 in place of 4"),
        ("c-tran/heads=2", "heads=2 in place of 4"),
        ("salgl/soft=true", "soft=True in place of False"),
    ],
)
def test_options_that_no_tensor_depends_on_are_taken_on_trust(
    code: str, said: str, given: Say, tmp_path: Path
) -> None:
    method = code.partition("/")[0]
    path = write(tmp_path / "x.pth", state(method))
    _, notes = import_published(path, given(method, code=code))
    trusted = f"taken on trust: {said}, on which no tensor in the file depends"
    assert [note for note in notes if "trust" in note] == [trusted]
    _, notes = import_published(path, given(method))
    assert not [note for note in notes if "trust" in note]


def test_another_number_of_classes_names_both(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pth", state("add-gcn"))
    assert "has 20 classes, but 80 are named" in refusal(path, given("add-gcn", data="coco2014"))
    path = write(tmp_path / "y.pth", state("resnet"))
    assert "has 20 classes, but 80 are named" in refusal(path, given("resnet", data="coco2014"))


@pytest.mark.parametrize(
    ("method", "order"), [("ml-gcn", "alphabetical"), ("add-gcn", "alphabetical"), ("salgl", "category-id")]
)
def test_coco_classes_are_in_the_order_of_the_code(
    method: str, order: str, given: Say, tmp_path: Path
) -> None:
    tensors = made_state(method, classes=80)
    vectors = tmp_path / "vectors.npz"
    rows = {"person": 1.0, "airplane": 2.0}
    table = np.zeros((80, WIDTH), np.float32) + [[rows.get(name, 0.0)] for name in COCO_CLASSES]
    np.savez(vectors, labels=np.array(COCO_CLASSES), glove=table, bert=np.zeros((80, 768)))
    if method == "ml-gcn":
        tensors["A"] = torch.eye(80)
    path = write(tmp_path / "coco.pth", tensors)
    wanted = given(method, data="coco2014", vectors=vectors if method == "ml-gcn" else None)
    trained, _ = import_published(path, wanted)
    names = tuple(sorted(COCO_CLASSES)) if order == "alphabetical" else COCO_CLASSES
    assert trained.card.classes == names
    if method == "ml-gcn":
        assert trained.labels.vectors[names.index("person"), 0] == 1
        assert trained.labels.vectors[names.index("airplane"), 0] == 2


def test_an_order_that_nobody_knows_must_be_said(given: Say, tmp_path: Path) -> None:
    path = write(tmp_path / "coco.pth", made_state("resnet", classes=80))
    assert "--class-order" in refusal(path, given("resnet", data="coco2014"))
    assert "--data NAME" in refusal(path, given("resnet", data=None))
    trained, _ = import_published(path, given("resnet", data="coco2014", class_order="category-id"))
    assert trained.card.classes == COCO_CLASSES
    names = tmp_path / "names.txt"
    names.write_text("\n".join(reversed(COCO_CLASSES)))
    trained, _ = import_published(path, given("resnet", data=None, class_order=str(names)))
    assert trained.card.classes == COCO_CLASSES[::-1]
    names.write_text("cat\n" * 80)
    assert "names one twice" in refusal(path, given("resnet", class_order=str(names)))
    names.write_text("\n".join((*COCO_CLASSES[:-1], "tooth brush")))
    said = refusal(path, given("resnet", data="coco2014", class_order=str(names)))
    assert "names 'tooth brush', which coco2014 does not have" in said
    trained, _ = import_published(path, given("resnet", data=None, class_order=str(names)))
    assert trained.card.classes[-1] == "tooth brush"


@pytest.mark.parametrize("projected", [False, True])
def test_query2label_with_and_without_its_projection(projected: bool, given: Say, tmp_path: Path) -> None:
    tensors = dict(state("query2label"))
    if projected:
        weights = torch.randn(DIM, DIM, 1, 1), torch.randn(DIM)
        tensors |= dict(zip(("input_proj.weight", "input_proj.bias"), weights, strict=True))
    trained, notes = import_published(write(tmp_path / "a.pth", tensors), given("query2label"))
    options, loaded = trained.card.method.options, trained.model.state_dict()
    assert (options["feedforward"], options["project"]) == (HIDDEN, projected)
    assert ("head.project.weight" in loaded) == projected
    if projected:
        assert torch.equal(loaded["head.project.weight"], weights[0].flatten(1))
    assert torch.equal(loaded["head.classifier.weight"], tensors["fc.W"][0])
    assert [note for note in notes if "backbone.1.pe" in note]
    del tensors["transformer.decoder.norm.bias"], tensors["query_embed.weight"]
    if projected:
        del tensors["input_proj.bias"]
    refused = refusal(write(tmp_path / "b.pth", tensors), given("query2label"))
    assert (
        "missing input_proj.bias, query_embed" in refused if projected else "missing query_embed" in refused
    )


def test_c_tran_keeps_the_classifier_of_imagenet_without_use(given: Say, tmp_path: Path) -> None:
    stored = {"backbone.base_network.fc.weight": torch.zeros(1000, DIM)}
    path = write(tmp_path / "best_model.pt", {"state_dict": {**state("c-tran"), **stored}, "epoch": 3})
    trained, notes = import_published(path, given("c-tran"))
    card = trained.card
    assert (card.train_size, card.test_size, card.test_resize) == (576, 576, 640)
    assert [note for note in notes if note.startswith("not loaded: backbone.base_network.fc.weight")]
    assert torch.equal(trained.model.state_dict()["head.labels"], state("c-tran")["label_lt.weight"])
    # COCO's order of classes is in the data files of that code alone.
    coco = write(tmp_path / "coco.pt", made_state("c-tran", 80))
    assert "in which order" in refusal(coco, given("c-tran", data="coco2014")).lower()
