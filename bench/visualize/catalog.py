"""The pictures of trained models by name. Light on purpose: listing them must not import what draws them."""

from dataclasses import dataclass
from typing import Final, Literal

Rule = Literal["differing", "sure"]
"""How images are chosen where none is named; see `bench.visualize.telling`."""

_MAPS: Final = (
    *("resnet", "ml-gcn", "ssgrl", "add-gcn", "salgl", "csra", "query2label", "ml-decoder", "tdrg", "c-tran"),
)


@dataclass(frozen=True)
class ViewKind:
    """A kind of picture of trained models.

    Attributes:
        name: what the user types, and the ending of the file's name.
        summary: one line.
        draw: `module:function` that takes a `Subject` and gives `Drawing`s.
        view: what a head must show for it, in words.
        methods: the built-in methods that show it, as published.
        images: how many images it shows where none is named; 0 for one that shows none by name.
        rule: how they are chosen.
        labels: whether it can be of some labels alone.
        split: whether it is of all images of the evaluation split.
    """

    name: str
    summary: str
    draw: str
    view: str
    methods: tuple[str, ...]
    images: int = 0
    rule: Rule = "sure"
    labels: bool = False
    split: bool = False


KINDS: Final = {
    kind.name: kind
    for kind in (
        ViewKind(
            "activation",
            "where methods see the labels of an image: a row of maps and scores per method",
            "bench.visualize.activation:draw",
            "maps of its labels",
            _MAPS,
            images=3,
            rule="differing",
            labels=True,
        ),
        ViewKind(
            "attention",
            "where one method sees each label: a row per image, a picture per method",
            "bench.visualize.attention:draw",
            "maps of its labels",
            _MAPS,
            images=4,
            labels=True,
        ),
        ViewKind(
            "graph",
            "label graphs side by side: the data's, those of methods, those made for an image",
            "bench.visualize.graph:draw",
            "a label graph",
            ("ml-gcn", "ssgrl", "add-gcn", "salgl", "tdrg"),
            images=1,
            labels=True,
        ),
        ViewKind(
            "scenes",
            "the scenes that a method found: label clouds, co-occurrence, surest images; a CSV",
            "bench.visualize.scenes:draw",
            "scenes",
            ("salgl",),
            split=True,
        ),
        ViewKind(
            "embedding",
            "t-SNE of the classifiers of each label, and which are nearest; a CSV",
            "bench.visualize.embedding:draw",
            "one linear classifier per label",
            ("resnet", "ml-gcn"),
        ),
    )
}
"""Every picture of trained models, in the order of the help."""
