"""Where in the image each label looks: the low-rank bilinear attention of SSGRL and SALGL."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

# Labels whose hidden layer is held in memory at once. Published label sets but one have fewer.
LABELS_AT_ONCE = 128


class LabelAttention(nn.Module):
    """Pools a feature map once per label, guided by the label's vector.

    SSGRL calls it semantic decoupling (its Eq. 1 to 3), SALGL low-rank bilinear attention; the maths is the
    same. For a position with feature `x` and a label with vector `e`:

        score = target(hidden(tanh(image(x) * label(e))))
        weights = softmax of the scores over the positions
        label feature = weighted sum of `x` over the positions

    `hidden` and `target` follow each other without a non-linearity, so they are multiplied into one vector
    before they meet the `B * C * N` hidden vectors. Both keep their parameters and are trained.
    """

    def __init__(self, feature_dim: int, label_dim: int, hidden: int) -> None:
        super().__init__()
        self.image = nn.Linear(feature_dim, hidden, bias=False)
        self.label = nn.Linear(label_dim, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.target = nn.Linear(hidden, 1)

    def forward(self, positions: Tensor, label_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            positions: `(B, N, D)`, the feature map as a sequence of N positions.
            label_vectors: `(C, d)`.

        Returns:
            Label features `(B, C, D)` and attention weights `(B, C, N)`, which sum to 1 over N.
        """
        weights = torch.softmax(self.scores(positions, label_vectors), dim=-1)
        return weights @ positions, weights

    def scores(self, positions: Tensor, label_vectors: Tensor) -> Tensor:
        """Scores `(B, C, N)` before the softmax."""
        image: Tensor = self.image(positions)
        labels: Tensor = self.label(label_vectors)
        direction = (self.target.weight @ self.hidden.weight).squeeze(0)
        # The softmax ignores a constant; it is here so that the biases get a gradient, which is zero.
        offset: Tensor = self.target(self.hidden.bias)
        return self._projected(image, labels, direction) + offset

    def _projected(self, image: Tensor, labels: Tensor, direction: Tensor) -> Tensor:
        if len(labels) <= LABELS_AT_ONCE:
            return _project(image, labels, direction)
        # Many labels: the hidden layer of one part at a time, computed again in the backward pass.
        parts = [
            checkpoint(_project, image, part, direction, use_reentrant=False, preserve_rng_state=False)
            for part in torch.split(labels, LABELS_AT_ONCE)
        ]
        return torch.cat(parts, dim=1)


def _project(image: Tensor, labels: Tensor, direction: Tensor) -> Tensor:
    """`tanh(image * label) · direction` for `(B, N, H)`, `(C, H)` and `(H,)`, as `(B, C, N)`."""
    # In place, because `(B, C, N, H)` is by far the largest tensor of these heads.
    return (image[:, None] * labels[None, :, None]).tanh_() @ direction
