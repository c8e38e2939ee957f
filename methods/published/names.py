"""From the tensors of a published head to those of ours."""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from bench.errors import UserError
from bench.methods.published.heads import PUBLISHED
from bench.resolve import resolve


def convert(method: str, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and join the tensors of a published head to the state dict of ours.

    Constants that come from the labels (label vectors, graphs) are not in the result: the head that the
    result is loaded into has built them already.

    Args:
        method: name of the method.
        published: the published state dict, without the backbone.

    Raises:
        UserError: a name is missing or unexpected; all of them are listed.
    """
    head = resolve("method with published weights", method, PUBLISHED)
    places = head.places_in(published)
    missing = sorted(places.keys() - published.keys())
    unexpected = sorted(published.keys() - places.keys() - head.unused.keys())
    if missing or unexpected:
        raise UserError(
            f"These are not the weights of a published {method} head: "
            f"missing {', '.join(missing) or 'none'}; unexpected {', '.join(unexpected) or 'none'}. "
            "Check that the checkpoint belongs to this method and that the backbone was taken out."
        )
    blocks: dict[str, dict[int, Tensor]] = defaultdict(dict)
    for name, place in places.items():
        tensor = published[name].squeeze(0) if place.single else published[name]
        blocks[place.name][place.block] = tensor.flatten(1) if place.kernel else tensor
    return {name: _join(parts) for name, parts in blocks.items()}


def _join(parts: Mapping[int, Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat([parts[block] for block in sorted(parts)])
