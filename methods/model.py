"""The model of every method: a backbone and a head."""

import hashlib
import zlib
from importlib import import_module

import torch
from torch import Tensor, nn

from bench.errors import UserError, one_line
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import InitialWeights
from bench.methods.catalog import METHODS, Method
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import Options

OFFSET = "offset"


class MultiLabelModel(nn.Module):
    """From images to logits.

    Attributes:
        offset: `(C,)`, what is added to the logits of the head; nothing if None.
    """

    offset: Tensor | None

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        if head.reads_earlier:
            backbone.read_earlier(type(head).__name__)
        self.register_buffer(OFFSET, None)

    def forward(
        self, images: Tensor, targets: Tensor | None = None, given: Tensor | None = None
    ) -> HeadOutput:
        """Score images.

        Args:
            images: `(B, 3, H, W)` uint8, as they are fed.
            targets: `(B, C)` in {0, 1}, in training only.
            given: `(B, C)` labels that are known, for a head that can be told some; see `Head`.
        """
        features, earlier = self.maps(images)
        return self.score(features, targets, earlier, given)

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """The last feature map `(B, D, h, w)` of images as they are fed, and the one before if it is read."""
        inputs = self.backbone.normalize(images)
        if not self.head.reads_earlier:
            return self.backbone(inputs), None
        earlier, features = self.backbone.maps(inputs)
        return features, earlier

    def score(
        self,
        features: Tensor,
        targets: Tensor | None = None,
        earlier: Tensor | None = None,
        given: Tensor | None = None,
    ) -> HeadOutput:
        """Score feature maps `(B, D, h, w)` of the backbone, with `earlier` where the head reads two."""
        beside = {} if earlier is None else {"earlier": earlier}
        if given is not None:
            beside["given"] = given
        output: HeadOutput = self.head(features, targets, **beside)
        _require_logits(output, targets, self.head)
        return output if self.offset is None else output._replace(logits=output.logits + self.offset)


def _require_logits(output: object, targets: Tensor | None, head: Head) -> None:
    name = type(head).__name__
    if not isinstance(output, HeadOutput):
        raise TypeError(f"{name}.forward returned a {type(output).__name__}, and should return a HeadOutput")
    if targets is not None and output.logits.shape != targets.shape:
        raise ValueError(
            f"{name}.forward returned logits of {tuple(output.logits.shape)} for targets of "
            f"{tuple(targets.shape)}: one is needed for each image and class"
        )


class OnFeatures(nn.Module):
    """A model that is given what its frozen backbone has made of the images before."""

    def __init__(self, model: MultiLabelModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        features: Tensor,
        targets: Tensor | None = None,
        earlier: Tensor | None = None,
        given: Tensor | None = None,
    ) -> HeadOutput:
        """Score stored feature maps `(B, D, h, w)`, in whatever precision they were stored."""
        dtype = self.model.backbone.mean.dtype
        before = None if earlier is None else earlier.to(dtype)
        return self.model.score(features.to(dtype), targets, before, given)


def head_class(method: Method) -> type[Head]:
    """Import the head that the method's entry names; the prior, which has none, is a ValueError.

    Raises:
        UserError: the module cannot be imported or has no such class.
    """
    if method.head is None:
        raise ValueError(f"method '{method.name}' has no model")
    module, _, name = method.head.partition(":")
    try:
        found: type[Head] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"The head of the method '{method.name}' is not at {method.head}: {error}; correct the head of "
            "its entry, or install what it needs."
        ) from error
    return found


def seeded_backbone(name: str, weights: InitialWeights, seed: int) -> Backbone:
    """Build a backbone right after seeding, so that at one seed every method starts from the same one."""
    torch.manual_seed(seed)
    return build_backbone(name, weights)


def earlier_dim(method: Method, backbone: Backbone) -> int | None:
    """Channels of the map before the last one, where the head of the method reads it.

    Raises:
        UserError: it does, and the backbone has no such map.
    """
    return backbone.read_earlier(method.name) if head_class(method).reads_earlier else None


def build_head(
    method: Method, options: Options, labels: LabelSpace, feature_dim: int, earlier: int | None = None
) -> Head:
    """Build the head of a method.

    Args:
        method: its entry in the catalogue.
        options: of the head.
        labels: what it is told of the labels.
        feature_dim: channels of the feature map.
        earlier: channels of the map before it, where the head reads that.

    Raises:
        UserError: the head of another package raises something.
    """
    more = () if earlier is None else (earlier,)
    try:
        return head_class(method)(feature_dim, labels, options, *more)
    except Exception as error:
        if method.name in METHODS:
            raise
        raise UserError(
            f"The head of the method '{method.name}' could not be built: {type(error).__name__}: "
            f"{one_line(error)}; mend {method.head}."
        ) from error


def seeded_head(
    method: Method,
    options: Options,
    labels: LabelSpace,
    feature_dim: int,
    seed: int,
    earlier: int | None = None,
) -> Head:
    """`build_head` from a seed of its own: it does not depend on how much a backbone drew before."""
    head_class(method)  # imported before the seed is set
    torch.manual_seed(zlib.crc32(f"{seed}/{method.name}".encode()))
    return build_head(method, options, labels, feature_dim, earlier)


def state_digest(module: nn.Module) -> str:
    """A hash of every parameter and buffer, to show that two runs started alike."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
