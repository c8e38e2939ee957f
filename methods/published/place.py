"""What is said of the parameters of a published head: where each goes in ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """Where a published tensor goes.

    Attributes:
        name: our parameter.
        block: which block of rows, where ours holds several published tensors one after the other.
        kernel: the published tensor is the weight of a 1×1 convolution; its last axes are dropped.
    """

    name: str
    block: int = 0
    kernel: bool = False


@dataclass(frozen=True)
class PublishedHead:
    """The names of one published head.

    Attributes:
        places: from each published name that is loaded, all of them required, to its place.
        unused: published names that are not loaded, with the reason; they may be absent.
    """

    places: Mapping[str, Place]
    unused: Mapping[str, str] = field(default_factory=dict)
