"""What is said of the parameters of a published head: where each goes in ours."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """Where a published tensor goes.

    Attributes:
        name: our parameter.
        block: which block of rows, where ours holds several published tensors one after the other.
        kernel: the published tensor is the weight of a 1×1 convolution; its last axes are dropped.
        single: the published tensor has a first axis of length 1, which is dropped.
        optional: it belongs to a part that not every checkpoint has.
    """

    name: str
    block: int = 0
    kernel: bool = False
    single: bool = False
    optional: bool = False


@dataclass(frozen=True)
class PublishedHead:
    """The names of one published head.

    Attributes:
        places: from each published name that is loaded to its place; all are required but the optional ones,
            which are there together or not at all.
        unused: published names that are not loaded, with the reason; they may be absent.
    """

    places: Mapping[str, Place]
    unused: Mapping[str, str] = field(default_factory=dict)

    def missing(self, names: Collection[str]) -> set[str]:
        """The published names that should be among `names` and are not."""
        optional = {name for name, place in self.places.items() if place.optional}
        required = self.places.keys() - (set() if optional & set(names) else optional)
        return required - set(names)
