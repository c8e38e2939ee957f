"""The model of every method: a backbone and a head."""

import hashlib
import zlib
from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.catalog import Method, Options
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace

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
        self.register_buffer(OFFSET, None)

    def forward(self, images: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score images.

        Args:
            images: `(B, 3, H, W)` uint8, as they are fed; or, in floats, the maps `(B, D, h, w)` that a
                frozen backbone has made of them before.
            targets: `(B, C)` in {0, 1}, in training only.
        """
        if images.dtype == torch.uint8:
            features = self.backbone(self.backbone.normalize(images))
        else:
            features = images.to(self.backbone.mean.dtype)
        output: HeadOutput = self.head(features, targets)
        return output if self.offset is None else output._replace(logits=output.logits + self.offset)


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


def build_model(
    method: Method,
    options: Options,
    labels: LabelSpace,
    backbone: str,
    weights: str,
    seed: int,
    change: Callable[[Backbone], Backbone] = lambda backbone: backbone,
) -> MultiLabelModel:
    """Build a method's model so that at one seed every method starts from the same backbone.

    The backbone is drawn right after seeding, before anything of the head; the head is drawn from a seed of
    its own, so that it does not depend on how much the backbone drew. `change` is what is made of the
    backbone before the head is put on it.
    """
    build_head = head_class(method)
    torch.manual_seed(seed)
    body = change(build_backbone(backbone, weights))
    torch.manual_seed(zlib.crc32(f"{seed}/{method.name}".encode()))
    return MultiLabelModel(body, build_head(body.feature_dim, labels, options))


def state_digest(module: nn.Module) -> str:
    """A hash of every parameter and buffer, to show that two runs started alike."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
