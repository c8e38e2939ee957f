"""Where in the image each label looks: the low-rank bilinear attention of SSGRL and SALGL."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

# How much of the hidden vectors is held in memory at once: on a CPU, what its cache holds; elsewhere, those
# of so many labels that the memory stays small and the kernels do not become many.
NUMBERS_AT_ONCE_ON_CPU = 2**20
LABELS_AT_ONCE = 16


class LabelAttention(nn.Module):
    """Weighs the positions of a feature map for each label, guided by the label's vector.

    SSGRL calls it semantic decoupling (its Eq. 1 to 3), SALGL low-rank bilinear attention; the maths is the
    same. For a position with feature `x` and a label with vector `e`:

        score = target(hidden(tanh(image(x) * label(e))))
        weights = softmax of the scores over the positions

    `hidden` and `target` follow each other without a non-linearity, so they are multiplied into one vector
    before they meet the `B * C * N` hidden vectors. Both keep their parameters and are trained.
    """

    def __init__(self, feature_dim: int, label_dim: int, hidden: int) -> None:
        super().__init__()
        self.image = nn.Linear(feature_dim, hidden, bias=False)
        self.label = nn.Linear(label_dim, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.target = nn.Linear(hidden, 1)

    def forward(self, positions: Tensor, label_vectors: Tensor) -> Tensor:
        """Attend.

        Args:
            positions: `(B, N, D)`, the feature map as a sequence of N positions.
            label_vectors: `(C, d)`.

        Returns:
            Attention weights `(B, C, N)`, which sum to 1 over N.
        """
        scores = self.scores(positions, label_vectors)
        return torch.softmax(scores, dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32))

    def scores(self, positions: Tensor, label_vectors: Tensor) -> Tensor:
        """Scores `(B, C, N)` before the softmax."""
        image: Tensor = self.image(positions)
        labels: Tensor = self.label(label_vectors)
        direction = (self.target.weight @ self.hidden.weight).squeeze(0)
        # The softmax ignores a constant; it is here so that the biases get a gradient, which is zero.
        offset: Tensor = self.target(self.hidden.bias)
        scores: Tensor
        if torch.compiler.is_compiling():
            scores = FusedScores.apply(image, labels, direction)
        else:
            on_cpu = image.device.type == "cpu"
            at_once = max(1, NUMBERS_AT_ONCE_ON_CPU // image.numel()) if on_cpu else LABELS_AT_ONCE
            scores = HiddenScores.apply(image, labels, direction, at_once)
        return scores.transpose(0, 1) + offset


class HiddenScores(Function):
    """`tanh(image * label) · direction` of every position and label, a few labels at a time.

    The `(C, B, N, H)` hidden vectors exist in parts only, and are computed again in the backward pass: what
    is kept between the passes is as large as the arguments.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, labels: Tensor, direction: Tensor, at_once: int) -> Tensor:
        """From image `(B, N, H)`, labels `(C, H)` and direction `(H,)` to scores `(C, B, N)`."""
        ctx.save_for_backward(image, labels, direction)
        ctx.at_once = at_once
        room = image.new_empty(min(at_once, len(labels)), *image.shape)
        return torch.cat([_hidden(image, part, room) @ direction for part in torch.split(labels, at_once)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """From the gradient at the scores to those at image, labels and direction.

        With hidden vectors `t = tanh(x * e)` and `s = g (1 - t²)`, for a gradient `g` at a score, these are
        `direction * Σ s e`, `direction * Σ s x` and `Σ g t`.
        """
        image, labels, direction = ctx.saved_tensors
        wide = torch.promote_types(image.dtype, torch.float32)  # for sums over many parts
        to_image = torch.zeros_like(image, dtype=wide)
        to_direction = torch.zeros_like(direction, dtype=wide)
        to_labels = []
        room = image.new_empty(min(ctx.at_once, len(labels)), *image.shape)
        parts = torch.split(labels, ctx.at_once), torch.split(gradient, ctx.at_once)
        for part, g in zip(*parts, strict=True):
            hidden = _hidden(image, part, room)
            to_direction += g.flatten() @ hidden.flatten(0, 2)
            slope = hidden.square_().sub_(1).mul_(-g[..., None])
            for label, of_label in zip(part, slope, strict=True):
                to_image.addcmul_(of_label, label)
            to_labels.append(slope.mul_(image).sum(dim=(1, 2), dtype=wide))
        return (
            (to_image * direction).to(image.dtype),
            (torch.cat(to_labels) * direction).to(labels.dtype),
            to_direction.to(direction.dtype),
            None,
        )


def _hidden(image: Tensor, labels: Tensor, room: Tensor) -> Tensor:
    """`tanh(image * label)` `(c, B, N, H)` for at most as many labels as there is room for, written there."""
    return (
        room[: len(labels)].copy_(image.expand(len(labels), *image.shape)).mul_(labels[:, None, None]).tanh_()
    )


class FusedScores(Function):
    """`HiddenScores` without the loop, for a compiler that computes hidden vectors where they are summed.

    Each sum has hidden vectors of its own, laid out with what is summed over in the middle: were they shared,
    the compiler would write all `C * B * N * H` of them to memory.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, labels: Tensor, direction: Tensor) -> Tensor:
        """From image `(B, N, H)`, labels `(C, H)` and direction `(H,)` to scores `(C, B, N)`."""
        ctx.save_for_backward(image, labels, direction)
        hidden = torch.tanh(image * labels[:, None, None])
        return (hidden * direction).sum(-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From the gradient at the scores to those at image, labels and direction; see `HiddenScores`."""
        image, labels, direction = ctx.saved_tensors
        wide = torch.promote_types(image.dtype, torch.float32)  # for sums of many
        rows, g = image.flatten(0, 1), gradient.flatten(1)[..., None]  # (B N, H), (C, B N, 1)

        by_position = torch.tanh(rows[:, None] * labels)
        slope = (1 - by_position.square()) * g.transpose(0, 1)
        to_image = (slope * labels).sum(1, dtype=wide) * direction

        by_label = torch.tanh(labels[:, None] * rows)
        slope = (1 - by_label.square()) * g
        to_labels = (slope * rows).sum(1, dtype=wide) * direction

        to_direction = (torch.tanh(rows * labels[:, None]) * g).sum(1, dtype=wide).sum(0)
        return (
            to_image.view_as(image).to(image.dtype),
            to_labels.to(labels.dtype),
            to_direction.to(direction.dtype),
        )
