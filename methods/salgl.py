"""SALGL: one co-occurrence graph per latent scene, counted while training.

Zhu et al.: Scene-Aware Label Graph Learning for Multi-Label Image Classification, ICCV 2023. The paper's
equations were not at hand; the maths is that of the published code.
"""

import torch
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers import across
from bench.methods.layers.attention import LabelAttention
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.gated_graph import GatedGraphNetwork
from bench.methods.layers.scoring import linear_scores
from bench.methods.layers.transformer import HEADS, TransformerLayer, check_heads, sine_positions
from bench.methods.options import SALGLOptions

LOG_EPS = 1e-7
DIVISION_EPS = 1e-8
# The published code multiplies the batch entropy by this before any weight.
BATCH_ENTROPY_SCALE = 100.0


def scene_entropies(scene_probs: Tensor) -> tuple[Tensor, Tensor]:
    """The two auxiliary terms, unweighted.

    Args:
        scene_probs: `(B, S)`.

    Returns:
        The mean entropy of an image's scenes (low: each image is sure of its scene), and how far the entropy
        of the mean image, of the whole batch where other processes have parts of it, falls short of the
        maximum, times 100 (low: all scenes are in use).
    """
    sample = _entropy(scene_probs).mean()
    # The highest entropy is in single precision, as published.
    uniform = torch.full_like(scene_probs[0], 1 / scene_probs.shape[1], dtype=torch.float32)
    batch = (_entropy(uniform) - _entropy(across.mean_of_images(scene_probs))) * BATCH_ENTROPY_SCALE
    return sample, batch


def _entropy(probs: Tensor) -> Tensor:
    return -(probs * torch.log(probs + LOG_EPS)).sum(dim=-1)


class SALGLHead(Head):
    """Recognises the scene of an image and exchanges label features along the label graph of that scene.

    The graphs come from a memory of label pairs per scene, `cooccurrence` `(S, C, C)`, to which every
    training step adds its images. It is a buffer: a trained head is meaningless without it.
    """

    label_vectors: Tensor
    cooccurrence: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: SALGLOptions) -> None:
        super().__init__()
        self.options = options
        check_heads("SALGL", feature_dim, HEADS, "a backbone")
        dtype = torch.get_default_dtype()
        memory = torch.zeros(options.scenes, labels.num_classes, labels.num_classes, dtype=dtype)
        self.register_buffer("cooccurrence", memory)
        self.register_buffer("label_vectors", torch.tensor(labels.vectors, dtype=dtype))
        self.encoder = TransformerLayer(feature_dim, options.feedforward, options.dropout)
        self.scene = nn.Linear(feature_dim, options.scenes, bias=False)
        self.attention = LabelAttention(feature_dim, labels.vectors.shape[1], options.hidden)
        self.graph_network = GatedGraphNetwork(feature_dim, options.steps, outgoing=options.outgoing)
        # Without a step there are no states to put beside the label features.
        self.output = nn.Linear(feature_dim * (2 if options.steps else 1), feature_dim)
        self.classifier = ElementwiseClassifier(labels.num_classes, feature_dim)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        In training, `targets` are added to the memory before it is used. The views are the scene
        probabilities `(B, S)`, the attention maps `(B, C, h, w)` and the graph of each image `(B, C, C)`.
        """
        height, width = features.shape[2:]
        tokens = features.flatten(2).mT
        positions = sine_positions(height, width, like=tokens) if self.options.positions else None
        tokens = self.encoder(tokens, positions)
        scene_probs = torch.softmax(linear_scores(self.scene, tokens.mean(dim=1)), dim=-1)

        weights = self.attention(tokens, self.label_vectors)
        graph = self._scene_graph(scene_probs, targets)
        nodes, states = self.graph_network(weights, tokens, graph)
        if self.options.steps:
            nodes = torch.cat([nodes, states], dim=-1)
        logits = self.classifier(torch.tanh(self.output(nodes)))

        views = {
            "scene_probs": scene_probs.detach(),
            "attention": weights.detach().view(*weights.shape[:2], height, width),
            "graph": graph.detach(),
        }
        return HeadOutput(logits, self._auxiliary(scene_probs) if self.training else {}, views)

    def _auxiliary(self, scene_probs: Tensor) -> dict[str, Tensor]:
        sample, batch = scene_entropies(scene_probs)
        return {
            "scene_sample_entropy": self.options.sample_entropy_weight * sample,
            "scene_batch_entropy": self.options.batch_entropy_weight * batch,
        }

    def _scene_graph(self, scene_probs: Tensor, targets: Tensor | None) -> Tensor:
        """The label graph of each image, `(B, C, C)`, after the memory has seen the images."""
        # Counts must stay exact; half precision would round them.
        with torch.autocast(scene_probs.device.type, enabled=False):
            share = self._scene_share(scene_probs)
            memory = self.cooccurrence
            if self.training and targets is not None:
                labels = targets.to(memory.dtype)
                memory = memory + across.total(torch.einsum("bs,bi,bj->sij", share, labels, labels))
                self.cooccurrence.copy_(memory.detach())
            return torch.einsum("bs,sij->bij", share, self._probability(memory))

    def _scene_share(self, scene_probs: Tensor) -> Tensor:
        """How an image is divided among the scenes, `(B, S)`: by probability, or all to the best."""
        if self.options.soft:
            return scene_probs.to(self.cooccurrence.dtype)
        # Not by one_hot, which reads the largest index to check it, and so waits for all before.
        scenes = torch.arange(self.options.scenes, device=scene_probs.device)
        best = scene_probs.argmax(dim=-1, keepdim=True) == scenes
        return best.to(self.cooccurrence.dtype)

    def _probability(self, memory: Tensor) -> Tensor:
        """`P(j | i)` of each scene from its counts, `(S, C, C)`; rows of labels not seen yet are zero."""
        counts = memory.diagonal(dim1=1, dim2=2)[:, :, None]
        probability = memory / (counts + DIVISION_EPS)
        if not self.options.self_loops:
            probability = probability - torch.diag_embed(probability.diagonal(dim1=1, dim2=2))
        if self.options.normalize:
            probability = probability / (probability.sum(dim=2, keepdim=True) + DIVISION_EPS)
        return probability
