"""Start a model from one that was trained before, on the same classes or on others."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.engine.models.model_file import read_card, read_tensors
from bench.errors import UserError
from bench.experiment.methods import MethodChoice
from bench.experiment.start import InitFrom, Parts, corresponding
from bench.files import sha256_of_file
from bench.methods.backbones.backbone import Backbone
from bench.methods.catalog import Method
from bench.methods.head import Head
from bench.methods.label_space import LabelSpace
from bench.methods.model import build_head
from bench.methods.options import Options

Axes = dict[str, tuple[int, ...]]


class StartModel:
    """A model file that runs start from.

    Attributes:
        path: the file.
        card: what the file says of the model; read at once.
        sha256: of the file.
    """

    def __init__(self, path: Path) -> None:
        """Read the card; raises UserError where there is no such model."""
        self.path = path
        self.card = read_card(path)
        self.sha256 = sha256_of_file(path)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the file; read once, when the first run needs them."""
        return read_tensors(self.path)


def plan_init(
    start: StartModel, parts: Parts, methods: list[MethodChoice], names: tuple[str, ...]
) -> list[InitFrom]:
    """What each method of a matrix will take from a model.

    Args:
        start: the model.
        parts: what is asked for; of another method than the file's only the backbone is taken.
        methods: the methods of the matrix.
        names: the classes that they are to be trained on.

    Raises:
        UserError: no class in common where classes are to be mapped.
    """
    card = start.card
    shared = len(corresponding(names, card.classes))
    if parts == "all" and not shared:
        raise UserError(
            f"The model in {start.path} has no class of the data set ({', '.join(card.classes[:3])}, ... "
            f"are not {', '.join(names[:3])}, ...); use --init-parts class-independent."
        )
    return [
        InitFrom(
            file=start.path.name,
            sha256=start.sha256,
            method=card.method.label(),
            parts=parts if same else "backbone",
            classes=shared if same and parts == "all" else 0,
            data=card.data,
        )
        for same in (method.name == card.method.name for method in methods)
    ]


def initialise_backbone(backbone: Backbone, start: StartModel) -> None:
    """Replace the weights of a backbone by those of a model, and what its images are normalised with.

    Raises:
        UserError: the file's backbone is another one, or was not trained.
    """
    card = start.card
    if card.frozen:
        raise UserError(
            f"The backbone in {start.path} was not trained: leave out --init-from and give its weights as "
            "--weights."
        )
    own, theirs = backbone.state_dict(), _under("backbone.", start.tensors)
    wrong = [name for name in own.keys() | theirs.keys() if _shape(own, name) != _shape(theirs, name)]
    if wrong:
        raise UserError(
            f"The backbone in {start.path} is {card.backbone} and not {backbone.name}: {len(wrong)} of its "
            f"tensors do not fit, {min(wrong)} for one; use --backbone {card.backbone}."
        )
    backbone.load_state_dict(theirs)
    for name in ("mean", "std"):
        buffer = getattr(backbone, name)
        buffer.copy_(torch.tensor(getattr(card, name)).view_as(buffer))


def initialise_head(
    head: Head,
    start: StartModel,
    init: InitFrom,
    method: Method,
    options: Options,
    feature_dim: int,
    labels: LabelSpace,
    earlier: int | None = None,
) -> None:
    """Replace those random weights of a head by the ones of a model that `init` asks for.

    What depends on the classes and is not trained (label vectors, graphs, SALGL's memory of label pairs)
    belongs to the data set and is never taken.

    Args:
        head: as it was built; changed in place.
        start: the model.
        init: what to take.
        method: the head's entry in the catalogue.
        options: of the head.
        feature_dim: channels of the feature map that the head was built for.
        labels: what the head was built for.
        earlier: channels of the map before the last one, where the head reads it.

    Raises:
        UserError: the weights do not fit the head.
    """
    if init.parts == "backbone":
        return
    theirs = _under("head.", start.tensors)
    axes = class_axes(method, options, feature_dim, labels, earlier)
    for name, _ in head.named_buffers():
        if axes.get(name):
            theirs.pop(name, None)
            del axes[name]
    own = head.state_dict()
    _check_head({name: own[name] for name in axes}, theirs, axes, start)
    places = corresponding(labels.names, start.card.classes) if init.parts == "all" else []
    for name in axes:
        own[name] = _mapped(own[name], theirs[name], axes[name], places) if axes[name] else theirs[name]
    head.load_state_dict(own)


def class_axes(
    method: Method, options: Options, feature_dim: int, labels: LabelSpace, earlier: int | None = None
) -> Axes:
    """Which axes of each tensor of a head run over the classes: those that grow with one class more.

    Raises:
        UserError: the head has other tensors with one class more.
    """
    with torch.device("meta"):  # shapes alone
        heads = [
            build_head(method, options, space, feature_dim, earlier)
            for space in (labels, _with_one_more(labels))
        ]
    small, large = ({name: tensor.shape for name, tensor in head.state_dict().items()} for head in heads)
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


def _check_head(own: dict[str, Tensor], tensors: dict[str, Tensor], axes: Axes, start: StartModel) -> None:
    """See that the heads differ in the number of classes at most."""
    card, wrong = start.card, []
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
            f"The head in {start.path} is {card.method.label()} with label vectors from {card.vectors}, and "
            f"does not fit: {min(wrong)}; give the same options and --vectors, or use --init-parts backbone."
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
