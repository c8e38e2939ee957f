"""Checkpoints of CSRA and ML-Decoder become models, under each of the names that published codes give."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.engine.models.import_published import Given, import_published
from bench.engine.models.model_file import Trained
from bench.experiment.methods import options_of, parse_methods
from bench.methods.catalog import METHODS
from bench.methods.contract import label_space
from bench.methods.model import head_class
from bench.methods.published.later_heads import ML_DECODER
from published_made import DIM, made_backbone, refusal, write

CLASSES = 20
DECODER_SIZES = {"width": 24, "feedforward": 10}


def made_head(text: str) -> dict[str, Tensor]:
    """The state of our head, drawn at random, under the published names."""
    (choice,) = parse_methods((text,))
    torch.manual_seed(1)
    state = head_class(METHODS[choice.name])(DIM, label_space(CLASSES), options_of(choice)).state_dict()
    if choice.name == "csra":
        return {
            f"csra_heads.{name.split('.')[1]}.head.weight": tensor[..., None, None]
            for name, tensor in state.items()
        }
    return {name: state[place.name] for name, place in ML_DECODER.places.items()}


def checkpoint(head: dict[str, Tensor], begin: str, place: str) -> dict[str, Tensor]:
    """A ResNet-18 with names that begin with `begin`, and the head with `place` in front of its own."""
    backbone = {name: tensor for name, tensor in made_backbone().items() if not name.startswith("fc.")}
    return {f"{begin}{name}": tensor for name, tensor in backbone.items()} | {
        f"{place}{name}": tensor for name, tensor in head.items()
    }


def official(head: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.replace("csra_heads", "classifier.multi_head"): tensor for name, tensor in head.items()}


def imported(path: Path, code: str, tensors: dict[str, Tensor]) -> tuple[Trained, list[str]]:
    return import_published(write(path, {"state_dict": tensors}), Given(code=code, data="voc2007"))


def test_both_codes_of_csra_give_the_same_model(tmp_path: Path) -> None:
    head = made_head("csra/heads=4")
    states = {
        "official": checkpoint(official(head), "", ""),
        "mmpretrain": checkpoint(head, "backbone.", "head."),
        "parallel": checkpoint(official(head), "module.", "module."),
    }
    found = {
        name: imported(tmp_path / f"{name}.pth", "csra/lam=0.5", state) for name, state in states.items()
    }
    images = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        logits = {name: trained.model(images).logits for name, (trained, _) in found.items()}
    assert torch.equal(logits["official"], logits["mmpretrain"])
    assert torch.equal(logits["official"], logits["parallel"])
    for trained, notes in found.values():
        card = trained.card
        assert (card.method.label(), card.backbone, card.protocol) == (
            "csra/heads=4/lam=0.5",
            "resnet18",
            "csra",
        )
        assert (card.mean, card.std) == ((0, 0, 0), (1, 1, 1)), "pixels from 0 to 1"
        assert notes == []
        for number, layer in enumerate(trained.model.head.get_submodule("heads").children()):
            weight = head[f"csra_heads.{number}.head.weight"][..., 0, 0]
            assert torch.equal(layer.state_dict()["weight"], weight)


def test_what_the_tensors_do_not_tell_is_said(tmp_path: Path) -> None:
    trained, notes = imported(tmp_path / "a.pth", "csra", checkpoint(official(made_head("csra")), "", ""))
    assert trained.card.method.options["lam"] == 0.1
    assert notes == [
        "not in the file: lam, taken to be 0.1; if the model was trained with another, say so: "
        "--from csra/lam=VALUE"
    ]


@pytest.mark.parametrize("place", ["fc.", "head."])
@pytest.mark.parametrize("groups", [5, 20])
def test_ml_decoder_reads_its_sizes_from_the_tensors(place: str, groups: int, tmp_path: Path) -> None:
    head = made_head(f"ml-decoder/width=24/feedforward=10/groups={groups}")
    trained, notes = imported(tmp_path / "a.pth", "ml-decoder", checkpoint(head, "", place))
    options = trained.card.method.options
    assert {name: options[name] for name in DECODER_SIZES} == DECODER_SIZES
    assert options["groups"] == groups and options["heads"] == 8 and notes == []
    assert (trained.card.mean, trained.card.std) == ((0, 0, 0), (1, 1, 1))
    state = trained.model.head.state_dict()
    assert torch.equal(state["queries"], head["decoder.query_embed.weight"])
    assert torch.equal(state["classifier.weight"], head["decoder.duplicate_pooling"])


def test_other_checkpoints_are_refused_in_one_sentence(tmp_path: Path) -> None:
    csra = checkpoint(official(made_head("csra/heads=2")), "", "")
    decoder = checkpoint(made_head("ml-decoder/width=24/feedforward=10"), "", "fc.")
    given = Given(code="csra", data="voc2007")
    path = write(tmp_path / "a.pth", decoder)
    assert "its names are those of ml-decoder; import it with --from ml-decoder" in refusal(path, given)
    path = write(tmp_path / "b.pth", csra)
    assert "--from csra" in refusal(path, Given(code="ml-decoder", data="voc2007"))

    gap = {name.replace("multi_head.1", "multi_head.2"): tensor for name, tensor in csra.items()}
    assert "missing csra_heads.1.head.weight" in refusal(write(tmp_path / "c.pth", gap), given)
    three = {**csra, "classifier.multi_head.2.head.weight": csra["classifier.multi_head.1.head.weight"]}
    assert "heads" in refusal(write(tmp_path / "d.pth", three), given)
    twice = {**csra, "head.csra_heads.0.head.weight": csra["classifier.multi_head.1.head.weight"]}
    assert "under two names" in refusal(write(tmp_path / "e.pth", twice), given)

    tresnet = {
        f"body.{name}" if not name.startswith("fc.") else name.replace("fc.", "head."): tensor
        for name, tensor in decoder.items()
    }
    message = refusal(write(tmp_path / "f.pth", tresnet), Given(code="ml-decoder", data="voc2007"))
    assert "ML-Decoder's TResNets cannot be taken" in message
    coco = Given(code="csra", data="coco2014")
    assert "The checkpoint has 20 classes, but 80 are named" in refusal(path, coco)
