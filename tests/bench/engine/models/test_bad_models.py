"""A model file that was changed, or made to do harm, is refused before it takes memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.engine.models.model_file import CARD, load_model
from bench.errors import UserError
from bench.methods.backbones.weights import read_weights
from bench.methods.published.files import read_published_file
from bench_command import TINY, bench
from trees import write_voc

Card = dict[str, Any]
Tensors = dict[str, Tensor]
Change = Callable[[Card, Tensors], object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained here."""
    folder = tmp_path_factory.mktemp("trained")
    write_voc(folder / "data", train=8, test=4)
    done = bench(folder, folder / "data", "run", "--methods", "ml-gcn/hidden=16", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    (path,) = (folder / "work" / "runs").glob("*ml-gcn*/model.safetensors")
    return path


def rewritten(model: Path, path: Path, change: Change) -> Path:
    with safe_open(model, framework="pt") as file:
        card = json.loads(file.metadata()[CARD])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    change(card, tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, {CARD: json.dumps(card)})
    return path


def first(tensors: Tensors) -> Tensor:
    return next(
        tensor for name, tensor in sorted(tensors.items()) if tensor.is_floating_point() and "head" in name
    )


BAD: dict[str, tuple[Change, str]] = {
    "terabytes in an option": (lambda c, t: c["method"]["options"].update(hidden=10**9), "do not fit"),
    "more than a number holds": (lambda c, t: c["method"]["options"].update(hidden=10**18), "do not fit"),
    "a backbone of gigabytes": (
        lambda c, t: c.update(backbone="timm/vit_giant_patch14_dinov2"),
        "do not fit",
    ),
    "an option that is none": (lambda c, t: c["method"]["options"].update(x=1), "not one of this version"),
    "pictures of terabytes": (lambda c, t: c.update(test_size=10**9), "'test_size' is 1000000000"),
    "pictures of nothing": (lambda c, t: c.update(test_resize=0), "'test_resize' is 0"),
    "a class twice": (lambda c, t: c["classes"].__setitem__(0, c["classes"][1]), "is named more than once"),
    "no classes": (lambda c, t: c.update(classes=[]), "'classes' is empty"),
    "one class too many": (lambda c, t: c["classes"].append("x"), "where 21 classes have"),
    "nothing to divide by": (lambda c, t: c.update(std=[0, 1, 1]), "'std.0' is 0"),
    "a mean that is none": (lambda c, t: c.update(mean=[float("nan"), 0, 0]), "'mean.0' is nan"),
    "NaN among the weights": (lambda c, t: first(t).view(-1)[:1].fill_(float("nan")), "holds NaN"),
    "NaN among the vectors": (lambda c, t: t["labels.vectors"].fill_(float("nan")), "holds NaN"),
    "1-d vectors": (
        lambda c, t: t.update({"labels.vectors": torch.ones(20)}),
        r"labels\.vectors in .* \(20,\)",
    ),
    "words for vectors": (
        lambda c, t: t.update({"labels.vectors": torch.ones(20, 9, dtype=torch.bool)}),
        "BOOL",
    ),
    "a graph of others": (
        lambda c, t: t.update({"labels.cooccurrence": torch.zeros(3, 3).long()}),
        r"\(3, 3\)",
    ),
    "a weight too few": (lambda c, t: t.pop(max(n for n in t if "head" in n)), "1 tensors are others"),
    "a weight too many": (lambda c, t: t.update(x=torch.ones(1)), "1 tensors are others"),
    "an offset of others": (lambda c, t: t.update(offset=torch.ones(3, 3)), "offset is .* for 20 classes"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_a_model_that_contradicts_itself_is_refused(
    change: Change, message: str, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        load_model(rewritten(model, tmp_path / "bad.safetensors", change))
    assert len(str(refused.value)) < 3000


def test_a_model_that_was_only_copied_is_loaded(model: Path, tmp_path: Path) -> None:
    copied = load_model(rewritten(model, tmp_path / "good.safetensors", lambda card, tensors: None))
    whole = load_model(model).model.state_dict()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in copied.model.state_dict().items())


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"w": torch.zeros(1).expand(10**12)}, "has 1000000000000 numbers, more than the file holds"),
        ({"w": torch.tensor([1.0, float("nan")])}, "w holds NaN"),
        ({1: torch.ones(2)}, "does not map names to tensors|has no weights"),
    ],
)
def test_weights_of_a_stranger_that_cannot_be_used_are_refused(
    state: dict[Any, Tensor], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    for read in (read_weights, lambda file: read_published_file(file, ema=False)):
        with pytest.raises(UserError, match=message):
            read(path)
