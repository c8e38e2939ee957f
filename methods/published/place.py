"""What is said of the parameters of a published head: where each goes in ours."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace


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
        repeated: names and places with `{}` for a number, of parts that there are any number of, from 0 on.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    unused: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, Place] = field(default_factory=dict)

    def places_in(self, names: Collection[str]) -> dict[str, Place]:
        """The places in a state dict with these names.

        Optional ones are left out where none of them is there; of the repeated parts there are as many as in
        the names, at least one. A name between others that is not there has its place too: it is missing.
        """
        optional = {name for name, place in self.places.items() if place.optional}
        left_out = set() if optional & set(names) else optional
        places = {name: place for name, place in self.places.items() if name not in left_out}
        for pattern, place in self.repeated.items():
            for number in range(max(1, repetitions(pattern, names))):
                places[pattern.format(number)] = replace(place, name=place.name.format(number))
        return places


def layer_places(
    theirs: str, ours: str, attention: str = "self_attn", norms: tuple[str, str] = ("norm1", "norm2")
) -> dict[str, Place]:
    """The places of one of torch's transformer layers in a `PostNormLayer`.

    Args:
        theirs: what the published names begin with.
        ours: what ours begin with.
        attention: the published name of the attention.
        norms: of the normalisation behind the attention, and of that behind the feed-forward part.
    """
    layers = {
        f"{attention}.out_proj": "merge",
        "linear1": "expand",
        "linear2": "contract",
        norms[0]: "attention_norm",
        norms[1]: "feedforward_norm",
    }
    pairs = {f"{attention}.in_proj_{kind}": f"project.{kind}" for kind in ("weight", "bias")}
    pairs |= {f"{a}.{kind}": f"{b}.{kind}" for a, b in layers.items() for kind in ("weight", "bias")}
    return {f"{theirs}.{a}": Place(f"{ours}.{b}") for a, b in pairs.items()}


def repetitions(pattern: str, names: Collection[str]) -> int:
    """One more than the largest number that stands in place of `{}` in any of the names; 0 if none does."""
    before, _, behind = pattern.partition("{}")
    found = re.compile(f"{re.escape(before)}([0-9]{{1,2}}){re.escape(behind)}")
    matches = (found.fullmatch(name) for name in names)
    return max((1 + int(match[1]) for match in matches if match), default=0)
