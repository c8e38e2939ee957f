"""A backbone that is not trained at all, so that its features can be computed once."""

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone

# The state of a frozen backbone holds its reduction under these names.
MEAN, COMPONENTS = "network.mean", "network.components"
# Of a component, relative to the first, below which it is noise.
LEAST_VARIANCE = 1e-6


class Frozen(nn.Module):
    """A network without gradients, whose batch statistics stay as they are.

    Its channels may be projected onto the whitened principal components of its features on training images.
    """

    mean: Tensor | None
    components: Tensor | None

    def __init__(self, network: nn.Module, mean: Tensor | None, components: Tensor | None) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)
        self.eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """From `(B, 3, H, W)` to `(B, d, h, w)`."""
        features: Tensor = self.network(images)
        if self.mean is None or self.components is None:
            return features
        return torch.einsum("bdhw,cd->bchw", features - self.mean[:, None, None], self.components)


def freeze(backbone: Backbone, reduction: dict[str, Tensor]) -> Backbone:
    """The backbone, fixed; its channels reduced as `principal_components` says, where that is not empty."""
    mean, std = backbone.mean.flatten().tolist(), backbone.std.flatten().tolist()
    network = Frozen(backbone.network, reduction.get("mean"), reduction.get("components"))
    return Backbone(network, backbone.name, mean, std, backbone.size, backbone.stride)


def principal_components(features: Tensor, channels: int) -> dict[str, Tensor]:
    """Mean and first principal components of the channels over all images and positions, whitened.

    Each component is divided by its standard deviation, so that no head depends on the scale of a backbone.

    Args:
        features: `(N, D, h, w)`.
        channels: how many components.

    Returns:
        `mean` `(D,)` and `components` `(channels, D)`, float32. Centred features times the components have
        variance 1 and no correlation.

    Raises:
        UserError: there are fewer channels than that.
    """
    rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).double()
    if channels > rows.shape[1]:
        raise UserError(
            f"The schedule keeps {channels} feature channels, but the backbone has {rows.shape[1]}; set "
            "feature_channels to fewer, or leave it out."
        )
    # They come with rising variance, each of arbitrary sign.
    variances, vectors = (tensor.flip(-1) for tensor in torch.linalg.eigh(torch.cov(rows.T)))
    components = vectors[:, :channels].T
    signs = components.gather(1, components.abs().argmax(dim=1, keepdim=True)).sign()
    # What hardly varies, as in features of a lower rank, is noise: it is not blown up.
    kept = variances[:channels]
    deviations = torch.where(kept > variances[0] * LEAST_VARIANCE, kept, variances[0]).sqrt()[:, None]
    deviations[deviations == 0] = 1
    return {"mean": rows.mean(dim=0).float(), "components": (components * signs / deviations).float()}
