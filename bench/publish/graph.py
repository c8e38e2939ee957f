"""A model as one graph: from pixels as they are fed to logits and probabilities, for any batch."""

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from bench.engine.models.model_file import ModelCard
from bench.errors import UserError, cut, one_line
from bench.methods.model import MultiLabelModel
from bench.publish.description import INPUT


class Scoring(nn.Module):
    """The scores of a model and nothing else: neither views nor auxiliary losses."""

    def __init__(self, model: MultiLabelModel, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """From `(B, 3, S, S)` uint8 to logits and probabilities, `(B, C)` float32 each."""
        logits = self.model(images).logits
        return logits, torch.sigmoid(logits / self.temperature)


def traced(scoring: Scoring, card: ModelCard) -> ExportedProgram:
    """The graph of a model for images of its test size, and any number of them.

    Raises:
        UserError: PyTorch cannot trace it.
    """
    # Two images, because with one a batch of one would be a case of its own.
    example = torch.zeros((2, 3, card.test_size, card.test_size), dtype=torch.uint8)
    try:
        with torch.no_grad():
            # Not a named dimension: PyTorch 2.11 refuses one where a batch as large as the classes is a case
            # of its own. That the graph takes other sizes is tested on the file.
            return torch.export.export(
                scoring, (example,), dynamic_shapes={INPUT: {0: Dim.AUTO}}, strict=False
            )
    except Exception as error:  # each head fails in its own way
        raise cannot_be_exported(card, f"PyTorch cannot trace it: {one_line(error)}") from error


def cannot_be_exported(card: ModelCard, why: str) -> UserError:
    """The error for a model that has no faithful graph."""
    return UserError(f"{card.method.label()} with {card.backbone} cannot be exported: {cut(why, 500)}")
