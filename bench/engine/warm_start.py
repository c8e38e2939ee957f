"""Start a model from one that was trained before, on the same classes or on others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.engine.model_file import ModelCard, read_model_file
from bench.errors import UserError
from bench.experiment.methods import MethodChoice
from bench.experiment.start import InitFrom, Parts, corresponding
from bench.files import sha256_of_file
from bench.methods.backbones.backbone import Backbone
from bench.methods.catalog import Method, Options
from bench.methods.label_space import LabelSpace
from bench.methods.model import MultiLabelModel, head_class

Axes = dict[str, tuple[int, ...]]


def plan_init(
    path: Path, parts: Parts, methods: list[MethodChoice], names: tuple[str, ...]
) -> list[InitFrom]:
    """What each method of a matrix will take from a file.

    Args:
        path: a model of `bench run` or `bench import-checkpoint`.
        parts: what is asked for; of another method than the file's only the backbone is taken.
        methods: the methods of the matrix.
        names: the classes that they are to be trained on.

    Raises:
        UserError: no such model, or no class in common where classes are to be mapped.
    """
    card, _ = read_model_file(path)
    shared = len(corresponding(names, card.classes))
    if parts == "all" and not shared:
        raise UserError(
            f"The model in {path} has no class of the data set ({', '.join(card.classes[:3])}, ... are not "
            f"{', '.join(names[:3])}, ...); use --init-parts class-independent."
        )
    digest, label = sha256_of_file(path), card.method.label()
    return [
        InitFrom(
            file=path.name,
            sha256=digest,
            method=label,
            parts=parts if same else "backbone",
            classes=shared if same and parts == "all" else 0,
        )
        for same in (method.name == card.method.name for method in methods)
    ]


def initialise_backbone(backbone: Backbone, path: Path) -> None:
    """Replace the weights of a backbone by those of a file, and what its images are normalised with.

    Raises:
        UserError: the file's backbone is another one, or was not trained.
    """
    card, tensors = read_model_file(path)
    if card.frozen:
        raise UserError(
            f"The backbone in {path} was not trained: leave out --init-from and give the weights that it has "
            "as --weights."
        )
    own, theirs = backbone.state_dict(), _under("backbone.", tensors)
    wrong = [name for name in own.keys() | theirs.keys() if _shape(own, name) != _shape(theirs, name)]
    if wrong:
        raise UserError(
            f"The backbone in {path} is {card.backbone} and not {backbone.name}: {len(wrong)} of its tensors "
            f"do not fit, {min(wrong)} for one; use --backbone {card.backbone}."
        )
    backbone.load_state_dict(theirs)
    for name in ("mean", "std"):
        buffer = getattr(backbone, name)
        buffer.copy_(torch.tensor(getattr(card, name)).view_as(buffer))


def initialise_head(
    model: MultiLabelModel, path: Path, init: InitFrom, method: Method, options: Options, labels: LabelSpace
) -> None:
    """Replace those random weights of a model's head by the ones of a file that `init` asks for.

    What depends on the classes and is not trained (label vectors, graphs, SALGL's memory of label pairs)
    belongs to the data set and is never taken.

    Args:
        model: as it was built; changed in place.
        path: the file.
        init: what to take.
        method: the head's entry in the catalogue.
        options: of the head.
        labels: what the head was built for.

    Raises:
        UserError: the weights do not fit the head.
    """
    if init.parts == "backbone":
        return
    card, tensors = read_model_file(path)
    theirs = _under("head.", tensors)
    axes = class_axes(method, options, model.backbone.feature_dim, labels)
    for name, _ in model.head.named_buffers():
        if axes.get(name):
            theirs.pop(name, None)
            del axes[name]
    own = model.head.state_dict()
    _check_head({name: own[name] for name in axes}, theirs, axes, card, path)
    places = corresponding(labels.names, card.classes) if init.parts == "all" else []
    for name in axes:
        own[name] = _mapped(own[name], theirs[name], axes[name], places) if axes[name] else theirs[name]
    model.head.load_state_dict(own)


def class_axes(method: Method, options: Options, feature_dim: int, labels: LabelSpace) -> Axes:
    """Which axes of each tensor of a head run over the classes: those that grow with one class more.

    Raises:
        UserError: the head has other tensors with one class more.
    """
    build = head_class(method)
    with torch.device("meta"):  # shapes alone
        small, large = (
            {name: tensor.shape for name, tensor in build(feature_dim, space, options).state_dict().items()}
            for space in (labels, _with_one_more(labels))
        )
    if small.keys() != large.keys():
        raise UserError(
            f"A head of {method.name} has tensors of their own for each class, which cannot be told from the "
            "others; use --init-parts backbone."
        )
    return {
        name: tuple(axis for axis, size in enumerate(shape) if size != large[name][axis])
        for name, shape in small.items()
    }


def _with_one_more(labels: LabelSpace) -> LabelSpace:
    return replace(
        labels,
        names=(*labels.names, ""),
        vectors=np.pad(labels.vectors, ((0, 1), (0, 0))),
        counts=np.pad(labels.counts, (0, 1)),
        cooccurrence=np.pad(labels.cooccurrence, (0, 1)),
    )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _check_head(
    own: dict[str, Tensor], tensors: dict[str, Tensor], axes: Axes, card: ModelCard, path: Path
) -> None:
    """See that the heads differ in the number of classes at most."""
    wrong = []
    for name in own.keys() | tensors.keys():
        ours, theirs = _shape(own, name), _shape(tensors, name)
        if ours is not None and theirs is not None and len(ours) == len(theirs):
            ours = tuple(len(card.classes) if axis in axes[name] else size for axis, size in enumerate(ours))
        if ours is None or theirs is None:
            wrong.append(f"{name} is only {'in the file' if ours is None else 'here'}")
        elif ours != theirs:
            wrong.append(f"{name} is {theirs} in the file and would be {ours} here")
    if wrong:
        raise UserError(
            f"The head in {path} is {card.method.label()} with label vectors from {card.vectors}, and does "
            f"not fit: {min(wrong)}; give the same options and --vectors, or use --init-parts backbone."
        )


def _mapped(own: Tensor, theirs: Tensor, axes: tuple[int, ...], places: list[tuple[int, int]]) -> Tensor:
    """Our tensor, with the entries taken from theirs that belong to classes which both have."""
    here, there = torch.tensor(places, dtype=torch.long).reshape(-1, 2).unbind(1)
    filled = own.clone()
    ours, others = (
        torch.meshgrid(
            *(side if axis in axes else torch.arange(size) for axis, size in enumerate(own.shape)),
            indexing="ij",
        )
        for side in (here, there)
    )
    filled[ours] = theirs[others]
    return filled


def _shape(tensors: dict[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None
