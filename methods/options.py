"""The options of each head, typed, with the published values as defaults.

Light on purpose: listing methods or planning a matrix must not import torch.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bench.errors import UserError
from bench.ranges import LogUniform, OneOf, Range, Uniform

PUBLISHED_WIDTH = 1024
"""The hidden width of the published heads, on backbones with 2048 channels."""


class Options(BaseModel):
    """Options of a head. Unknown keys are refused; the defaults are the published values."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    widths: ClassVar[tuple[str, ...]] = ()
    """Options that are hidden widths."""
    tuned: ClassVar[Mapping[str, Range]] = {}
    """Options that a tune draws, at most two, so that every method has much the same space."""
    said: ClassVar[tuple[str, ...]] = ()
    """Options that a printed row says whatever their value, because what is published differs in them."""

    @classmethod
    def drawn(cls, asked: Mapping[str, object]) -> Mapping[str, Range]:
        """What a tune draws where these are the options that were asked for."""
        return cls.tuned

    @property
    def uses_known_labels(self) -> bool:
        """Whether the head's `forward` takes labels that are known, as `given`."""
        return False

    @property
    def looks_beside(self) -> bool:
        """Whether the scores of an image depend on the other images of its batch."""
        return False

    @property
    def told_ignored_as_absent(self) -> str:
        """What the head itself takes as absent of labels that its loss ignores; empty where there is none."""
        return ""

    def check_classes(self, classes: int) -> None:
        """UserError where the options do not suit so many classes."""

    def narrowed(self, width: int) -> Self:
        """With `width` where the paper has 1024, and every other width in proportion."""
        fields = {name: max(1, getattr(self, name) * width // PUBLISHED_WIDTH) for name in self.widths}
        return self.model_copy(update=fields)


class ResNetOptions(Options):
    """Options of the pooled linear baseline."""

    pool: Literal["avg", "max"] = Field(
        "avg", description="global pooling; papers call either 'the baseline'"
    )


class MLGCNOptions(Options):
    """Options of ML-GCN."""

    widths = ("hidden",)
    tuned = {"tau": Uniform(low=0.05, high=0.6), "p": Uniform(low=0.05, high=0.5)}
    tau: float = Field(0.4, ge=0, le=1, description="edges with P(j|i) below this are dropped (Eq. 7)")
    p: float = Field(0.2, ge=0, lt=1, description="weight shared by a node's neighbours (Eq. 8)")
    layers: int = Field(2, ge=1, le=4, description="number of graph convolutions")
    hidden: int = Field(1024, ge=1, description="width of every graph convolution but the last")


class SSGRLOptions(Options):
    """Options of SSGRL."""

    widths = ("hidden",)
    tuned = {"steps": OneOf(values=(1, 2, 3)), "pool": OneOf(values=(1, 2))}
    pool: int = Field(2, ge=1, description="average pooling of the map before the head; published: 2")
    hidden: int = Field(1024, ge=1, description="width of the semantic attention")
    steps: int = Field(3, ge=0, description="time steps of the gated graph network")


class ADDGCNOptions(Options):
    """Options of ADD-GCN; each but the width is an ablation of the paper (Fig. 3, Tables 4 to 6)."""

    widths = ("hidden",)
    tuned = {"hidden": OneOf(values=(512, 1024, 2048))}
    hidden: int = Field(1024, ge=1, description="width of the content-aware category representation")
    nodes: Literal["sam", "conv"] = Field(
        "sam",
        description="category representations by the semantic attention module, or by a Conv-LReLU block "
        "in its place (Fig. 3)",
    )
    maps: Literal["cls-gmp", "gap-cls", "gmp-cls"] = Field(
        "cls-gmp",
        description="activation maps: classify, then pool by the maximum; or classify the average- or "
        "max-pooled features, as standard CAM (gap-cls, gmp-cls; Table 6)",
    )
    graph: Literal[
        "static-dynamic",
        "dynamic-static",
        "static",
        "dynamic",
        "parallel-add",
        "parallel-mul",
        "parallel-cat",
        "none",
    ] = Field(
        "static-dynamic",
        description="graphs and their order: dynamic-static, static, dynamic, parallel-add, parallel-mul, "
        "parallel-cat (Table 4), or none (Fig. 3)",
    )
    representation: Literal["bi", "sum", "avg", "max"] = Field(
        "bi",
        description="what is classified: each category's vector by its own binary classifier (bi), or the "
        "sum, avg or max of them all (Table 5)",
    )

    @model_validator(mode="after")
    def _maps_need_sam(self) -> "ADDGCNOptions":
        if self.nodes == "conv" and self.maps != "cls-gmp":
            raise ValueError("nodes=conv has no activation maps: leave out maps, or use nodes=sam")
        return self


class TDRGOptions(Options):
    """Options of TDRG."""

    widths = ("hidden", "feedforward")
    tuned = {"hidden": OneOf(values=(256, 512, 1024))}
    said = ("attention",)
    hidden: int = Field(
        512, ge=4, description="width of the transformer, and of the graph's nodes beside it; a multiple of 4"
    )
    feedforward: int = Field(2048, ge=1, description="width of the transformer's feed-forward part")
    attention: Literal["positions", "batch"] = Field(
        "positions",
        description="what the transformer attends over: the positions of an image, or, as the published runs "
        "did, the images of a batch at each position (then a score depends on what else is in the batch)",
    )

    @property
    def looks_beside(self) -> bool:
        """As published."""
        return self.attention == "batch"

    @property
    def told_ignored_as_absent(self) -> str:
        """Of its four losses one is that of the schedule."""
        return "the three losses that it adds"

    @field_validator("hidden")
    @classmethod
    def _heads_divide_it(cls, value: int) -> int:
        if value % 4:
            raise ValueError(f"4 attention heads do not divide {value}: choose a multiple of 4")
        return value


class SALGLOptions(Options):
    """Options of SALGL; the defaults are the configuration of the published runs."""

    widths = ("hidden", "feedforward")
    tuned = {
        "scenes": OneOf(values=(2, 4, 6, 8, 10)),
        "batch_entropy_weight": LogUniform(low=1e-4, high=1e-1),
    }
    scenes: int = Field(6, ge=1, description="number of latent scenes")
    steps: int = Field(3, ge=0, description="time steps of the gated graph network")
    hidden: int = Field(1024, ge=1, description="width of the low-rank bilinear attention")
    feedforward: int = Field(2048, ge=1, description="width of the transformer layer's feed-forward part")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of the transformer layer")
    soft: bool = Field(False, description="share an image among scenes by probability, not to the best one")
    self_loops: bool = Field(True, description="keep the diagonal of the co-occurrence probabilities")
    normalize: bool = Field(True, description="normalise each row of the co-occurrence probabilities")
    positions: bool = Field(False, description="add a sine position encoding to queries and keys")
    outgoing: bool = Field(
        True, description="pass messages against the edges too, as the published runs did (outmess)"
    )
    # The published runs add both entropies with weight 1 to a loss that is a mean times 1000.
    sample_entropy_weight: float = Field(
        1e-3, ge=0, description="weight, beside a mean loss, of the entropy of each image's scenes"
    )
    batch_entropy_weight: float = Field(
        1e-3, ge=0, description="weight, beside a mean loss, of how unevenly a batch uses the scenes"
    )


class Query2LabelOptions(Options):
    """Options of Query2Label."""

    widths = ("width", "feedforward")
    tuned = {"decoder_layers": OneOf(values=(1, 2, 3)), "dropout": Uniform(low=0.0, high=0.3)}
    project: bool = Field(
        False,
        description="a linear layer from the channels of the map to `width`; published with and without, "
        "there --keep_input_proj",
    )
    width: int = Field(2048, ge=4, description="width of the transformer where project=true")
    heads: int = Field(4, ge=1, description="attention heads of each layer")
    feedforward: int = Field(8192, ge=1, description="width of the feed-forward parts")
    encoder_layers: int = Field(1, ge=0, le=6, description="layers over the positions of the map")
    decoder_layers: int = Field(2, ge=1, le=6, description="layers in which the label queries look at it")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of the layers, attention weights included")

    @model_validator(mode="after")
    def _width_is_that_of_the_projection(self) -> "Query2LabelOptions":
        if not self.project and self.width != type(self).model_fields["width"].default:
            raise ValueError(
                "without a projection the width is that of the backbone's map: add project=true, or leave "
                "width out"
            )
        return self

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "Query2LabelOptions":
        # Without a projection the head checks that of the backbone.
        step = math.lcm(self.heads, 4)  # the position encoding comes in fours
        if self.project and self.width % step:
            raise ValueError(
                f"{self.heads} heads and a position encoding cannot share a width of {self.width}: choose a "
                f"multiple of {step}"
            )
        return self


class CTranOptions(Options):
    """Options of C-Tran."""

    widths = ("feedforward",)
    tuned = {"layers": OneOf(values=(1, 2, 3)), "dropout": Uniform(low=0.0, high=0.3)}
    layers: int = Field(3, ge=1, le=6, description="layers over positions and labels together")
    heads: int = Field(4, ge=1, description="attention heads of each layer")
    feedforward: int = Field(2048, ge=1, description="width of the feed-forward parts")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of the layers, attention weights included")
    positions: bool = Field(
        False,
        description="add a sine position encoding to the map; the published code has the option, but stops "
        "with an error where it is used",
    )
    known: float = Field(
        0.75,
        ge=0,
        le=1,
        description="largest share of an image's labels that is given as known in training; 0 is without "
        "label mask training, and known labels are of no use then",
    )

    @property
    def uses_known_labels(self) -> bool:
        """Whether it was trained with labels that were known."""
        return self.known > 0

    @property
    def told_ignored_as_absent(self) -> str:
        """Which labels are known is drawn, and a label has no third state then."""
        return "what it is told in training" if self.uses_known_labels else ""


MAX_TEMPERATURE = 99.0
"""The temperature that stands for the maximum over the positions, as in the published code of CSRA."""


class CSRAOptions(Options):
    """Options of CSRA; the defaults are those of its model for VOC."""

    tuned = {"heads": OneOf(values=(1, 2, 4, 6)), "lam": Uniform(low=0.05, high=1.0)}
    heads: Literal[1, 2, 4, 6, 8] = Field(
        1, description="attention heads, with the published temperatures of so many"
    )
    lam: float = Field(
        0.1, ge=0, description="weight of the attended score beside the mean score (lambda, Eq. 4)"
    )
    # Text, because commas separate methods on the command line, and labels are read again there.
    temperatures: str = Field(
        "",
        description="a temperature per head, such as 1+2+99, in place of those of `heads`; 99 is the maximum",
    )

    @field_validator("temperatures", mode="before")
    @classmethod
    def _joined(cls, value: object) -> str:
        """One temperature, a list of them, or the text of either, to text in one spelling."""
        listed = value if isinstance(value, list | tuple) else str(value).split("+") if value != "" else []
        return "+".join(_temperature(str(part)) for part in listed)

    @model_validator(mode="after")
    def _temperatures_are_one_per_head(self) -> "CSRAOptions":
        count = len(self.own_temperatures())
        if count and self.heads not in (1, count):
            raise ValueError(
                f"{self.temperatures} is one temperature for each of {count} heads, and heads is "
                f"{self.heads}: leave heads out"
            )
        if count:
            self.__dict__["heads"] = 1  # one model has one name, whether its heads are counted or not
        return self

    @classmethod
    def drawn(cls, asked: Mapping[str, object]) -> Mapping[str, Range]:
        """Not the number of heads where the temperatures tell it."""
        return {name: one for name, one in cls.tuned.items() if name != "heads" or not asked["temperatures"]}

    def own_temperatures(self) -> tuple[float, ...]:
        """The temperatures in place of the published ones, where there are some."""
        return tuple(float(part) for part in self.temperatures.split("+")) if self.temperatures else ()


def _temperature(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_TEMPERATURE:
        raise ValueError(f"a temperature is a number above 0 and at most 99, the maximum, and not {text}")
    return repr(value).removesuffix(".0")


class MLDecoderOptions(Options):
    """Options of ML-Decoder."""

    widths = ("width", "feedforward")
    tuned = {"feedforward": OneOf(values=(512, 1024, 2048)), "dropout": Uniform(low=0.0, high=0.3)}
    groups: int | None = Field(
        None,
        ge=1,
        description="queries, among which the classes are divided; one per class, at most 100, if empty",
    )
    width: int = Field(768, ge=1, description="width of queries and positions in the decoder")
    feedforward: int = Field(2048, ge=1, description="width of the decoder's feed-forward part")
    heads: int = Field(8, ge=1, description="attention heads; they divide the width")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of the decoder")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "MLDecoderOptions":
        if self.width % self.heads:
            raise ValueError(
                f"heads must divide width, and {self.heads} does not divide {self.width}: choose a width "
                f"that is a multiple of {self.heads}"
            )
        return self

    def check_classes(self, classes: int) -> None:
        """UserError where there are more groups than classes."""
        if self.groups and self.groups > classes:
            raise UserError(
                f"ML-Decoder cannot divide {classes} classes among {self.groups} groups: choose groups of at "
                f"most {classes}, or leave groups out."
            )

    def narrowed(self, width: int) -> Self:
        """As of any options, with a width that the heads divide."""
        narrow = super().narrowed(width)
        return narrow.model_copy(update={"width": max(1, narrow.width // self.heads) * self.heads})
