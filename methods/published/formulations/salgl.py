"""SALGL step by step as published. Our own text, after jasonseu/SALGL a77cab3."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.transformer import HEADS, sine_positions
from bench.methods.options import SALGLOptions
from bench.methods.published.formulations.parts import ClassWise, gated_update


class BilinearAttention(nn.Module):
    """Low-rank bilinear attention of SALGL, label by position."""

    def __init__(self, feature_dim: int, label_dim: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(feature_dim, hidden, bias=False)
        self.linear2 = nn.Linear(label_dim, hidden, bias=False)
        self.hidden_linear = nn.Linear(hidden, hidden)
        self.target_linear = nn.Linear(hidden, 1)

    def forward(self, positions: Tensor, label_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """From `(B, N, D)` and `(C, d)` to label features `(B, C, D)` and weights `(B, C, N)`."""
        vectors = label_vectors.repeat(len(positions), 1, 1)
        joint = torch.tanh(self.linear1(positions)[:, None] * self.linear2(vectors)[:, :, None])
        scores = self.target_linear(self.hidden_linear(joint)).squeeze(3)
        weights = torch.softmax(scores, dim=2)
        return torch.bmm(weights, positions), weights


class SALGLGraph(nn.Module):
    """The gated graph network of SALGL, over one graph per image."""

    def __init__(self, dim: int, options: SALGLOptions) -> None:
        super().__init__()
        self.steps, self.outgoing = options.steps, options.outgoing
        width = 2 * dim if options.outgoing else dim
        self.fc1_w, self.fc1_u = nn.Linear(width, dim), nn.Linear(dim, dim)
        self.fc2_w, self.fc2_u = nn.Linear(width, dim), nn.Linear(dim, dim)
        self.fc3_w, self.fc3_u = nn.Linear(width, dim), nn.Linear(dim, dim)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """Run all steps on `(B, C, dim)` over `(B, C, C)`."""
        gates = (self.fc1_w, self.fc1_u), (self.fc2_w, self.fc2_u), (self.fc3_w, self.fc3_u)
        for _ in range(self.steps):
            messages = torch.bmm(graph, nodes)
            if self.outgoing:
                messages = torch.cat([messages, torch.bmm(graph.mT, nodes)], dim=2)
            nodes = gated_update(messages, nodes, *gates)
        return nodes


class PublishedSALGL(Head):
    """SALGL."""

    embeddings: Tensor
    comatrix: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: SALGLOptions) -> None:
        super().__init__()
        self.options = options
        classes, dtype = labels.num_classes, torch.get_default_dtype()
        self.register_buffer("comatrix", torch.zeros(options.scenes, classes, classes, dtype=dtype))
        self.register_buffer("embeddings", torch.tensor(labels.vectors, dtype=dtype))
        # torch's own layer has the published parameter names; its forward knows no position encoding.
        layer = nn.TransformerEncoderLayer(
            feature_dim, HEADS, options.feedforward, options.dropout, batch_first=True
        )
        self.tb = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        self.scene_linear = nn.Linear(feature_dim, options.scenes, bias=False)
        self.attention = BilinearAttention(feature_dim, labels.vectors.shape[1], options.hidden)
        self.ggnn = SALGLGraph(feature_dim, options)
        width = 2 * feature_dim if options.steps else feature_dim
        self.fc = nn.Sequential(nn.Linear(width, feature_dim), nn.Tanh())
        self.classifier = ClassWise(classes, feature_dim)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        tokens = self._encode(features)
        scene_probs = torch.softmax(self.scene_linear(tokens.mean(dim=1)), dim=1)
        if self.training and targets is not None:
            self._remember(scene_probs, targets)
        nodes, weights = self.attention(tokens, self.embeddings)
        graph = self._scene_graph(scene_probs)
        states = self.ggnn(nodes, graph)
        joined = torch.cat([nodes, states], dim=2) if self.options.steps else states
        views = {"scene_probs": scene_probs.detach(), "attention": weights.detach(), "graph": graph.detach()}
        auxiliary = self._entropies(scene_probs) if self.training else {}
        return HeadOutput(self.classifier(self.fc(joined)), auxiliary, views)

    def _encode(self, features: Tensor) -> Tensor:
        layer = self.tb.layers[0]
        assert isinstance(layer, nn.TransformerEncoderLayer)
        tokens = features.flatten(2).mT
        queries = tokens
        if self.options.positions:
            height, width = features.shape[2:]
            queries = tokens + sine_positions(height, width, like=tokens)
        attended, _ = layer.self_attn(queries, queries, tokens)
        tokens = layer.norm1(tokens + layer.dropout1(attended))
        hidden = layer.dropout(F.relu(layer.linear1(tokens), inplace=True))
        encoded: Tensor = layer.norm2(tokens + layer.dropout2(layer.linear2(hidden)))
        return encoded

    def _remember(self, scene_probs: Tensor, targets: Tensor) -> None:
        """Add the label pairs of each image to its scene, or to every scene by its probability."""
        pairs = torch.bmm(targets[:, :, None], targets[:, None, :])
        self.comatrix.detach_()
        for probs, pair in zip(scene_probs, pairs, strict=True):
            if self.options.soft:
                self.comatrix += probs[:, None, None] * pair
            else:
                self.comatrix[probs.argmax(dim=0, keepdim=True)] += pair

    def _scene_graph(self, scene_probs: Tensor) -> Tensor:
        """The label graph of each image, `(B, C, C)`."""
        graphs = self.comatrix.mT
        graphs = graphs / (graphs.diagonal(dim1=1, dim2=2)[:, :, None] + 1e-8)
        if not self.options.self_loops:
            graphs = graphs * (1 - torch.eye(graphs.shape[1], dtype=graphs.dtype, device=graphs.device))
        if self.options.normalize:
            graphs = graphs / (graphs.sum(dim=2, keepdim=True) + 1e-8)
        if self.options.soft:
            return (scene_probs[:, :, None, None] * graphs).sum(dim=1)
        return graphs[scene_probs.argmax(dim=1)]

    def _entropies(self, scene_probs: Tensor) -> dict[str, Tensor]:
        def entropy(probs: Tensor) -> Tensor:
            return -(probs * torch.log(probs + 1e-7)).sum(dim=-1).mean()

        scenes = self.options.scenes
        highest = entropy(torch.full((scenes,), 1 / scenes, dtype=torch.float32, device=scene_probs.device))
        batch = (highest - entropy(scene_probs.mean(dim=0))) * 100
        return {
            "scene_sample_entropy": self.options.sample_entropy_weight * entropy(scene_probs),
            "scene_batch_entropy": self.options.batch_entropy_weight * batch,
        }
