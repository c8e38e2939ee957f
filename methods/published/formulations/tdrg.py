"""TDRG step by step as published. Our own text, after iCVTEAM/TDRG 6ea0c9d.

`attention=positions` is that of a reproduction; everything else is the same.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import TDRGOptions

HEADS, LAYERS, PLACES = 4, 3, 50


class Encoder(nn.Module):
    """The layers of the transformer, torch's own, and the normalisation of the decoder, which is not used."""

    def __init__(self, dim: int, feedforward: int) -> None:
        super().__init__()
        self._layers = [
            nn.TransformerEncoderLayer(dim, HEADS, feedforward, 0.0, "gelu") for _ in range(LAYERS)
        ]
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(self._layers)})
        self.decoder = nn.ModuleDict({"norm": nn.LayerNorm(dim)})

    def forward(self, tokens: Tensor, places: Tensor | None) -> Tensor:
        """Encode a sequence `(L, n, dim)`, with `(L, 1, dim)` added to queries and keys."""
        for layer in self._layers:
            asked = tokens if places is None else tokens + places
            tokens = layer.norm1(tokens + layer.self_attn(asked, asked, tokens)[0])
            tokens = layer.norm2(tokens + layer.linear2(F.gelu(layer.linear1(tokens))))
        return tokens


class PlaceVectors(nn.Module):
    """A vector for each column and each row."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.row_embed = nn.Embedding(PLACES, dim // 2)
        self.col_embed = nn.Embedding(PLACES, dim // 2)

    def forward(self, height: int, width: int) -> Tensor:
        """Of the positions of a map, `(height * width, 1, dim)`."""
        columns = self.col_embed.weight[:width][None].repeat(height, 1, 1)
        rows = self.row_embed.weight[:height][:, None].repeat(1, width, 1)
        return torch.cat([columns, rows], dim=2).flatten(0, 1)[:, None]


class ForwardGCN(nn.Module):
    """Gather along the graph, then a layer."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Conv1d(dim, dim, 1)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """From nodes `(B, dim, C)` along `(B, C, C)`, whose columns gather."""
        updated: Tensor = self.weight(F.leaky_relu(torch.matmul(nodes, graph), 0.2))
        return F.leaky_relu(updated, 0.2)


class PublishedTDRG(Head):
    """TDRG, which resizes every scale to the largest and scores every node for every class."""

    reads_earlier: ClassVar[bool] = True
    mask_mat: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: TDRGOptions, earlier_dim: int) -> None:
        super().__init__()
        classes, hidden = labels.num_classes, options.hidden
        self.over_positions = options.attention == "positions"
        self.register_buffer("mask_mat", torch.eye(classes))
        self.transform_14 = nn.Conv2d(feature_dim, hidden, 1)
        self.transform_28 = nn.Conv2d(earlier_dim, hidden, 1)
        self.transform_7 = nn.Conv2d(feature_dim, hidden, 3, 2)
        self.query_embed = nn.Embedding(1, hidden)
        self.positional_embedding = PlaceVectors(hidden)
        self.transformer = Encoder(hidden, options.feedforward)
        self.trans_classifier = nn.Linear(3 * hidden, classes)
        self.constraint_classifier = nn.Conv2d(feature_dim, classes, 1, bias=False)
        self.guidance_transform = nn.Conv1d(hidden, hidden, 1)
        self.guidance_conv = nn.Conv1d(3 * hidden, 3 * hidden, 1)
        self.guidance_bn = nn.BatchNorm1d(3 * hidden)
        self.gcn_dim_transform = nn.Conv2d(feature_dim, hidden, 1)
        self.matrix_transform = nn.Conv1d(5 * hidden, classes, 1)
        self.forward_gcn = ForwardGCN(2 * hidden)
        self.gcn_classifier = nn.Conv1d(2 * hidden, classes, 1)

    def forward(
        self, features: Tensor, targets: Tensor | None = None, earlier: Tensor | None = None
    ) -> HeadOutput:
        """Score every class; see `Head.forward`. The last map has 3 × 3 positions at least."""
        assert earlier is not None
        scales = self._scales(earlier, features)
        out_trans = self.trans_classifier(torch.cat([scale.max(dim=2).values for scale in scales], dim=1))

        maps = self.constraint_classifier(features).flatten(2)
        out_sac = maps.topk(max(1, round(0.05 * maps.shape[2])), dim=2).values.mean(dim=2)
        attention = torch.sigmoid(maps)
        nodes = torch.matmul(self.gcn_dim_transform(features).flatten(2), attention.mT)
        of_tokens = torch.matmul(scales[1], attention.mT).detach()
        nodes = torch.cat([nodes, self.guidance_transform(of_tokens)], dim=1)

        summary = torch.cat([scale.mean(dim=2) for scale in scales], dim=1).detach()
        guidance = F.leaky_relu(self.guidance_bn(self.guidance_conv(summary[:, :, None])), 0.2)
        joined = torch.cat([guidance.expand(-1, -1, nodes.shape[2]), nodes], dim=1)
        graph = torch.sigmoid(self.matrix_transform(joined))
        updated = self.forward_gcn(nodes, graph) + nodes
        out_gcn = (self.gcn_classifier(updated) * self.mask_mat).sum(dim=2)

        scores = {"out_trans": out_trans, "out_gcn": out_gcn, "out_sac": out_sac}
        views = {**scores, "attention": attention, "graph": graph.mT}
        logits = 0.7 * out_trans + 0.3 * out_gcn
        return HeadOutput(logits, self._losses(scores, targets), {n: v.detach() for n, v in views.items()})

    def _scales(self, earlier: Tensor, features: Tensor) -> list[Tensor]:
        """The tokens of three scales, `(B, hidden, N_i)`, after each has seen the others."""
        maps = [self.transform_28(earlier), self.transform_14(features), self.transform_7(features)]
        largest = maps[0].shape[2:]
        wide = [F.interpolate(one, largest, mode="bilinear", align_corners=True) for one in maps]
        product = wide[0] * wide[1] * wide[2]
        found = []
        for one, whole in zip(maps, wide, strict=True):
            mixed = F.interpolate(whole + product, one.shape[2:], mode="bilinear", align_corners=True)
            tokens = mixed.flatten(2)
            if self.over_positions:
                places = self.positional_embedding(*one.shape[2:])
                found.append(self.transformer(tokens.permute(2, 0, 1), places).permute(1, 2, 0))
            else:  # the sequence is that of the images
                found.append(self.transformer(tokens.mT, None).mT)
        return found

    def _losses(self, scores: dict[str, Tensor], targets: Tensor | None) -> dict[str, Tensor]:
        if not self.training or targets is None:
            return {}
        return {name: F.binary_cross_entropy_with_logits(score, targets) for name, score in scores.items()}
