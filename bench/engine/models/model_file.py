"""A trained model in one safetensors file: the weights, and in its header all that is needed to use them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bench.datasets.opened import DataSet
from bench.errors import UserError, one_line
from bench.experiment.cell import CellSpec
from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.experiment.schedule import Precision
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.frozen import COMPONENTS, MEAN, freeze
from bench.methods.catalog import METHODS
from bench.methods.label_space import LabelSpace
from bench.methods.model import OFFSET, MultiLabelModel, earlier_dim, seeded_head
from bench.settings import thresholds_beside
from bench.tensors import write_tensors
from bench.validation import one_sentence

CARD = "bench"
"""The key of the card in the header of the file."""
LABELS = "labels."
"""What the names of the tensors of the label space begin with."""
_AXES = {"vectors": ("C", "d"), "counts": ("C",), "cooccurrence": ("C", "C")}
LABEL_ARRAYS = tuple(_AXES)
_FLOATS, _INTEGERS = ("F64", "F32", "F16"), ("I64", "I32")


Side = Annotated[int, Field(ge=1, le=1 << 14)]
"""Of a square image in pixels."""
Mean = Annotated[float, Field(allow_inf_nan=False)]
Spread = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ModelCard(BaseModel):
    """What a model is and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1  # raised when a file can no longer be read as one of these
    method: MethodChoice
    backbone: str
    frozen: bool = False  # the backbone was not trained; its channels may be reduced
    feature_dim: int  # channels of the feature map
    mean: tuple[Mean, Mean, Mean]  # what images are normalised with, on the scale 0 to 1
    std: tuple[Spread, Spread, Spread]
    classes: tuple[str, ...] = Field(min_length=1)  # in the order of the logits
    train_size: Side
    test_size: Side
    # A test image is resized to this, then its centre is cut out; nothing is cut where it is the test size.
    test_resize: Side
    protocol: str  # the evaluation protocol that its own numbers follow
    precision: Precision  # that it was trained and evaluated in
    vectors: str  # where its label vectors come from
    graph: str  # where its label graph comes from
    train_images: int | None = Field(ge=0)  # how many training images were counted, where known
    data: str | None = None  # the data set that it was trained on, where that was done here
    held_out: bool = False  # whether its validation split was left out
    source: str  # what it was made of: a run here, or a published file with its hash
    citation: str

    @field_validator("classes")
    @classmethod
    def _once_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((name for name in value if value.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the class '{twice}' is named more than once")
        return value


class Trained(NamedTuple):
    """A model, what is known of the labels in it, and its card."""

    model: MultiLabelModel
    labels: LabelSpace
    card: ModelCard


def save_model(path: Path, model: nn.Module, labels: LabelSpace, card: ModelCard) -> None:
    """Write a model atomically, with its label space, so that the file alone rebuilds it."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    tensors |= {LABELS + name: torch.tensor(getattr(labels, name)) for name in LABEL_ARRAYS}
    thresholds_beside(path).unlink(missing_ok=True)  # those of a model that lay here before
    write_tensors(path, tensors, {CARD: card.model_dump_json()})


def input_of(backbone: Backbone) -> dict[str, Any]:
    """The fields of a card that the backbone tells."""
    mean, std = (tuple(buffer.flatten().tolist()) for buffer in (backbone.mean, backbone.std))
    return {"feature_dim": backbone.feature_dim, "mean": mean, "std": std}


def card_of_run(spec: CellSpec, dataset: DataSet, backbone: Backbone) -> ModelCard:
    """The card of a model that was trained here."""
    return ModelCard(
        **input_of(backbone),
        method=MethodChoice(name=spec.method.name, options=spec.head_options().model_dump()),
        backbone=spec.schedule.backbone,
        frozen=spec.schedule.trained_backbone == "none",
        classes=dataset.info.classes,
        train_size=spec.schedule.image_size,
        test_size=spec.schedule.test_size,
        test_resize=spec.schedule.test_resize,
        protocol=spec.protocol.name,
        precision=spec.schedule.precision,
        vectors=spec.vectors,
        graph=f"counted on {spec.data} {dataset.info.train_split}",
        train_images=len(dataset.train),
        data=spec.data,
        held_out=spec.split == "validation" or dataset.chosen_on is not None,
        source=f"run {spec.run_id()}",
        citation=method_named(spec.method.name).citation,
    )


def load_model(path: Path) -> Trained:
    """Rebuild a model from its file, in evaluation mode on the CPU.

    Raises:
        UserError: no such file, one that is damaged or was not written here, or whose tensors do not fit its
            card.
    """
    card, tensors = read_card(path), read_tensors(path)
    arrays = {name: tensors.pop(LABELS + name).numpy() for name in LABEL_ARRAYS}
    labels = LabelSpace(card.classes, **arrays, num_images=card.train_images or 0)
    try:
        _require_fit(card, labels, tensors)
        model = _build(card, labels, tensors)
        model.load_state_dict(tensors)
    except (RuntimeError, ValueError, ValidationError) as error:
        raise UserError(
            f"The tensors in {path} do not fit the {card.method.label()} that its header describes, so it "
            f"was changed or comes from another version: {one_line(error)}"
        ) from error
    return Trained(model.eval(), labels, card)


def _build(card: ModelCard, labels: LabelSpace, tensors: Mapping[str, Tensor]) -> MultiLabelModel:
    """The model that a card describes, its weights drawn."""
    backbone = build_backbone(card.backbone)
    for name in ("mean", "std"):  # other weights of the same backbone may have others
        setattr(backbone, name, torch.tensor(getattr(card, name), device="cpu").view(1, 3, 1, 1))
    if card.frozen:
        names = {"mean": f"backbone.{MEAN}", "components": f"backbone.{COMPONENTS}"}
        backbone = freeze(backbone, {key: tensors[name] for key, name in names.items() if name in tensors})
    method = method_named(card.method.name)
    earlier = earlier_dim(method, backbone)
    head = seeded_head(method, options_of(card.method), labels, backbone.feature_dim, 0, earlier)
    model = MultiLabelModel(backbone, head)
    offset = tensors.get(OFFSET)
    if offset is not None and offset.shape != (len(card.classes),):
        raise ValueError(f"{OFFSET} is {tuple(offset.shape)} for {len(card.classes)} classes")
    model.offset = offset
    return model


def _require_fit(card: ModelCard, labels: LabelSpace, tensors: Mapping[str, Tensor]) -> None:
    """ValueError where the model has other tensors than there are: found out without any memory for it."""
    try:
        with torch.device("meta"):
            model = _build(card, labels, tensors)
    except UserError:
        raise
    except Exception as error:
        if card.method.name in METHODS:
            raise ValueError(one_line(error)) from error
        return  # a head of a package may compute with its weights while it is built
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    differ = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if differ:
        described = f"{differ[0]} is {there.get(differ[0])}, not {wanted.get(differ[0])}"
        raise ValueError(f"{len(differ)} tensors are others: {described}")


def read_card(path: Path) -> ModelCard:
    """The card of a model file; its tensors are not read.

    Raises:
        UserError: no such file, one that is damaged or was not written here.
    """
    with _opened(path) as file:
        header, names = (file.metadata() or {}).get(CARD), set(file.keys())
        kept = {name: file.get_slice(LABELS + name) for name in LABEL_ARRAYS if LABELS + name in names}
        shapes = {name: tuple(part.get_shape()) for name, part in kept.items()}
        types = {name: part.get_dtype() for name, part in kept.items()}
    if header is None or len(shapes) < len(LABEL_ARRAYS):
        raise UserError(
            f"The checkpoint {path} does not say which model its weights belong to, so it was not written by "
            "`bench run` or `bench import-checkpoint` of this version; train or import it again."
        )
    try:
        card = ModelCard.model_validate_json(header)
        options_of(card.method)
    except ValidationError as error:
        raise UserError(
            f"The header of {path} is not one of this version: {one_sentence(error, ModelCard.model_fields)}"
        ) from error
    count = len(card.classes)
    wanted = {"vectors": (count, *shapes["vectors"][1:2]), "counts": (count,), "cooccurrence": (count, count)}
    for name, shape in wanted.items():
        right = types[name] in (_FLOATS if name == "vectors" else _INTEGERS)
        if shapes[name] != shape or len(shape) != len(_AXES[name]) or not right:
            raise UserError(
                f"{LABELS}{name} in {path} is {types[name]} {shapes[name]}, where {count} classes have "
                f"({', '.join(_AXES[name])}) of {'F32' if name == 'vectors' else 'I64'}: it was changed."
            )
    return card


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a model file by name; UserError where it is damaged, or NaN is in one."""
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.isnan().any():
            raise UserError(f"The tensor {name} in {path} holds NaN: such a model scores nothing.")
    return tensors


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise UserError(f"The checkpoint {path} does not exist or is no file.")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise UserError(
            f"The checkpoint {path} is no whole safetensors file ({error}); copy it again, or import it "
            "first where it is a published one, with `bench import-checkpoint`."
        ) from error
