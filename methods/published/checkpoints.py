"""How the published checkpoint files are laid out, as data: the backbone's names, sizes, what is not in them.

Read in the published codes: chenzhaomin123/ML_GCN 5517d6f, HCPLab-SYSU/SSGRL ea47ccb, Yejin0111/ADD-GCN
b7653fe, jasonseu/SALGL a77cab3, jasonseu/MultiLabelClassification 834007d, SlongLiu/query2labels 55eb050,
QData/C-Tran 560cf6f, iCVTEAM/TDRG 6ea0c9d, Kevinz-code/CSRA c8480d1, open-mmlab/mmpretrain ee7f2e8,
Alibaba-MIIL/ML_Decoder 8a9e984.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from bench.errors import UserError
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.other_names import OTHER_NAMES

# The parts of torchvision's ResNet, and where they stand in the sequence that is cut out of it.
RESNET_PARTS = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
SEQUENCE_PARTS = {index: index for index in RESNET_PARTS.values()}
# TDRG's first stage holds what comes before it.
STAGE_PARTS = {"layer1.0": "0", "layer1.1": "1", "layer1.4": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
# Blocks per stage, and whether a block is a bottleneck.
RESNETS: dict[tuple[tuple[int, ...], bool], str] = {
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
    ((3, 8, 36, 3), True): "resnet152",
}


@dataclass(frozen=True)
class Size:
    """A size that is read off a published tensor."""

    tensor: str
    axis: int


@dataclass(frozen=True)
class CheckpointLayout:
    """The checkpoint of one method.

    Attributes:
        prefix: what the names of the backbone begin with.
        parts: the parts of the ResNet behind the prefix, and where they stand in our sequence.
        options: options of our head whose value is a size of a published tensor.
        flags: options that are true where a published tensor is there.
        fixed: options that every published checkpoint was trained with, away from our defaults.
        counts: options whose value is how many tensors are there under a name with `{}` for a number.
        begins: beginnings of names in checkpoints, and what stands in their place here: codes that train the
            same model put it together under other names.
        untold: options that differ from model to model and that no tensor tells.
        unit_pixels: images are fed as values from 0 to 1, and not normalised.
        classes: where the number of classes is read; None where no tensor has it.
        vectors: the tensor that holds the label vectors.
        vector_size: where the width of the label vectors is read, if they are needed and not in the file.
        graph: the tensor that holds the label graph, re-weighted as ML-GCN does.
        needs_graph: the label graph is needed.
        other_sizes: what another test resolution than that of training changes.
        note: what a reader of its numbers should know.
    """

    prefix: str
    parts: Mapping[str, str]
    options: Mapping[str, Size] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)
    begins: Mapping[str, str] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    unit_pixels: bool = False
    classes: Size | None = None
    vectors: str | None = None
    vector_size: Size | None = None
    graph: str | None = None
    needs_graph: bool = False
    other_sizes: str = ""
    note: str = ""


LAYOUTS: dict[str, CheckpointLayout] = {
    "ml-gcn": CheckpointLayout(
        prefix="features.",
        parts=SEQUENCE_PARTS,
        options={"hidden": Size("gc1.weight", 1)},
        classes=Size("A", 0),
        vector_size=Size("gc1.weight", 0),
        graph="A",
        needs_graph=True,
        other_sizes="the published ML-GCN pools 14 x 14 positions, which is the whole map at 448 pixels only "
        "(its upper left part at more, an error at less); here the whole map is pooled at any size",
    ),
    "ssgrl": CheckpointLayout(
        prefix="resnet_101.",
        parts=RESNET_PARTS,
        options={"hidden": Size("word_semantic.fc_1.weight", 0)},
        classes=Size("classifiers.weight", 0),
        vector_size=Size("word_semantic.fc_2.weight", 1),
        needs_graph=True,
    ),
    "add-gcn": CheckpointLayout(
        prefix="features.",
        parts=SEQUENCE_PARTS,
        options={"hidden": Size("conv_transform.weight", 0)},
        classes=Size("fc.weight", 0),
        other_sizes="ADD-GCN sums over the positions of the map, so its activations grow with the square of "
        "the size, as in the published code",
    ),
    "salgl": CheckpointLayout(
        prefix="backbone.",
        parts=RESNET_PARTS,
        options={
            "scenes": Size("comatrix", 0),
            "hidden": Size("attention.linear1.weight", 0),
            "feedforward": Size("tb.layers.0.linear1.weight", 0),
        },
        flags={"positions": "position_embedding.pe"},
        classes=Size("classifier.weight", 0),
        vectors="embeddings",
    ),
    "resnet": CheckpointLayout(
        prefix="network.",
        parts=RESNET_PARTS,
        classes=Size("network.fc.weight", 0),
    ),
    "query2label": CheckpointLayout(
        prefix="backbone.0.body.",
        parts=RESNET_PARTS,
        options={
            "width": Size("input_proj.weight", 0),  # where there is one
            "feedforward": Size("transformer.encoder.layers.0.linear1.weight", 0),
        },
        flags={"project": "input_proj.weight"},
        classes=Size("query_embed.weight", 0),
        other_sizes="the published Query2Label has the position encoding of one size of map, and an error at "
        "another; here it is computed for any size",
    ),
    "c-tran": CheckpointLayout(
        prefix="backbone.base_network.",
        parts=RESNET_PARTS,
        options={"feedforward": Size("self_attn_layers.0.transformer_layer.linear1.weight", 0)},
        classes=Size("label_lt.weight", 0),
    ),
    "tdrg": CheckpointLayout(
        prefix="",
        parts=STAGE_PARTS,
        options={
            "hidden": Size("transform_14.weight", 0),
            "feedforward": Size("transformer.encoder.layers.0.linear1.weight", 0),
        },
        fixed={"attention": "batch"},
        classes=Size("trans_classifier.weight", 0),
        other_sizes="TDRG sums over the positions of the map, so its activations grow with the square of the "
        "size, as in the published code",
        note="attention=batch: the published TDRG attends over the images of a batch, so a score depends on "
        "the images beside it, and every number on the size of the batches",
    ),
    "csra": CheckpointLayout(
        prefix="",
        parts=RESNET_PARTS,
        counts={"heads": "csra_heads.{}.head.weight"},
        # mmpretrain's, whose backbone has a beginning too, and the official code's.
        begins={
            "backbone.": "",
            "head.csra_heads.": "csra_heads.",
            "classifier.multi_head.": "csra_heads.",
        },
        untold=("lam",),
        unit_pixels=True,
        classes=Size("csra_heads.0.head.weight", 0),
    ),
    "ml-decoder": CheckpointLayout(
        prefix="",
        parts=RESNET_PARTS,
        options={
            "groups": Size("decoder.query_embed.weight", 0),
            "width": Size("decoder.query_embed.weight", 1),
            "feedforward": Size("decoder.layers.0.linear1.weight", 0),
        },
        # On a ResNet, and on a TResNet.
        begins={"fc.decoder.": "decoder.", "head.decoder.": "decoder."},
        unit_pixels=True,
        classes=Size("decoder.duplicate_pooling_bias", 0),
    ),
}


@dataclass(frozen=True)
class Publication:
    """A published code with checkpoints. Its name is also that of its evaluation protocol.

    Attributes:
        methods: those that it has checkpoints of.
        code: its repository.
        train_size: side of the training input, pixels.
        test_size: side of the test input.
        test_resize: the side that a test image is resized to before its centre is cut out.
        class_order: the order of COCO's classes: of their names, of their category ids, or not known.
    """

    methods: tuple[str, ...]
    code: str
    train_size: int = 448
    test_size: int = 448
    test_resize: int = 448
    class_order: Literal["alphabetical", "category-id"] | None = None


PUBLICATIONS: dict[str, Publication] = {
    "ml-gcn": Publication(("ml-gcn",), "chenzhaomin123/ML_GCN", class_order="alphabetical"),
    "ssgrl": Publication(("ssgrl",), "HCPLab-SYSU/SSGRL", 576, 576, 640),
    "add-gcn": Publication(("add-gcn",), "Yejin0111/ADD-GCN", class_order="alphabetical"),
    "salgl": Publication(("salgl",), "jasonseu/SALGL", class_order="category-id"),
    "tdrg": Publication(("tdrg",), "iCVTEAM/TDRG", class_order="alphabetical"),
    "multilabelclassification": Publication(
        ("resnet", "ssgrl"), "jasonseu/MultiLabelClassification", 576, 576, 640
    ),
    "query2label": Publication(("query2label",), "SlongLiu/query2labels", class_order="category-id"),
    "c-tran": Publication(("c-tran",), "QData/C-Tran", 576, 576, 640),
    "csra": Publication(("csra",), "Kevinz-code/CSRA", class_order="category-id"),
    "ml-decoder": Publication(("ml-decoder",), "Alibaba-MIIL/ML_Decoder", class_order="category-id"),
}


def recognise(name: str, state: Mapping[str, Tensor]) -> str:
    """The method whose checkpoint this is, among those of the publication `name`.

    Raises:
        UserError: it looks like the checkpoint of another one, or of none that is known.
    """
    # Most names that TDRG had before are those of ADD-GCN, so a share of names would mistake it.
    marked = {method: 1.0 for method, other in OTHER_NAMES.items() if other.mark in state}
    shares = marked or {method: _share(method, state) for method in LAYOUTS}
    best = max(shares, key=lambda method: shares[method])
    if best in PUBLICATIONS[name].methods and shares[best] > 0:
        return best
    wanted = " or ".join(PUBLICATIONS[name].methods)
    if shares[best] <= 0.5:
        raise UserError(
            f"This is no published checkpoint of {wanted}, nor of another known method: of its {len(state)} "
            f"names, such as {', '.join(sorted(state)[:3])}, too few are those of a published head."
        )
    others = " or ".join(other for other, publication in PUBLICATIONS.items() if best in publication.methods)
    raise UserError(
        f"This is no checkpoint of {wanted}: its names are those of {best}; import it with --from {others}."
    )


def _share(method: str, state: Collection[str]) -> float:
    """How many of a published head's names are there, as a share."""
    state = {_plain_name(LAYOUTS[method], name) for name in state}
    places = PUBLISHED[method].places_in(state)
    return sum(name in state for name in places) / len(places)


def plain_names(method: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a checkpoint under the names that `PUBLISHED` has for those of the method's head.

    Raises:
        UserError: two names become one.
    """
    plain = {_plain_name(LAYOUTS[method], name): tensor for name, tensor in state.items()}
    if len(plain) < len(state):
        raise UserError(
            f"The checkpoint holds more than one model: some tensors of {method} are there under two names."
        )
    return plain


def _plain_name(layout: CheckpointLayout, name: str) -> str:
    for begin, ours in layout.begins.items():
        if name.startswith(begin):
            return ours + name.removeprefix(begin)
    return name


def split_backbone(
    layout: CheckpointLayout, state: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The backbone under our names, and the head under the published ones."""
    backbone, head = {}, {}
    places = {f"{layout.prefix}{part}.": f"network.{ours}." for part, ours in layout.parts.items()}
    for name, tensor in state.items():
        theirs = next((start for start in places if name.startswith(start)), None)
        if theirs is None:
            head[name] = tensor
        else:
            backbone[places[theirs] + name.removeprefix(theirs)] = tensor
    return backbone, head


def published_backbone_name(layout: CheckpointLayout, name: str) -> str:
    """The published name of a tensor of our backbone."""
    _, index, rest = name.split(".", maxsplit=2)
    parts = {ours: part for part, ours in layout.parts.items()}
    return f"{layout.prefix}{parts[index]}.{rest}"


def resnet_of(backbone: Collection[str]) -> str:
    """The ResNet whose tensors, under our names, these are.

    Raises:
        UserError: none of the known ones.
    """
    stages = tuple(RESNET_PARTS[f"layer{stage}"] for stage in (1, 2, 3, 4))
    blocks = tuple(
        len({name.split(".")[2] for name in backbone if name.startswith(f"network.{stage}.")})
        for stage in stages
    )
    bottleneck = any(name.endswith(".conv3.weight") for name in backbone)
    if (blocks, bottleneck) not in RESNETS:
        raise UserError(
            f"The backbone of this checkpoint is not a known ResNet: its four stages have {blocks} blocks; "
            f"known are {', '.join(RESNETS.values())}. ML-Decoder's TResNets cannot be taken, nor "
            "SALGL's with a transformer, whose code keeps the class token among the positions of the map."
        )
    return RESNETS[blocks, bottleneck]
