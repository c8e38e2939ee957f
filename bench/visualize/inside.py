"""What is inside a trained model: its views of images, graphs, scenes, classifiers, on one class order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.engine.models.model_file import Trained, load_model
from bench.methods.add_gcn import ADDGCNHead
from bench.methods.graph import conditional_probability, propagation_matrix, reweighted_graph
from bench.methods.ml_gcn import MLGCNHead
from bench.methods.salgl import SALGLHead
from bench.trained.scorer import Picture, Scorer, Seen
from bench.visualize.models import Model

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """A label graph that all images share.

    Attributes:
        what: it is, in a few words.
        weights: `(C, C)`, row i is what label i is told of label j.
    """

    what: str
    weights: Matrix


@dataclass(frozen=True)
class Inside:
    """What a model shows, with its classes in the order that was asked for.

    Attributes:
        model: which one.
        seen: on the images, in their order; of no image where there is none.
        data: P(j | i) `(C, C)` in the training labels that the model was told of; None where of none.
        graph: that all images share; None for a head without one.
        memory: `(S, C, C)`, the pairs of labels that each scene has counted; None without scenes.
        classifiers: `(C, D)` of the pooled map; None for every other head.
    """

    model: Model
    seen: Seen | None
    data: Matrix | None
    graph: Graph | None
    memory: Floats | None
    classifiers: Floats | None


def look_inside(
    model: Model, classes: Sequence[str], pictures: Sequence[Picture] = (), device: str = "auto"
) -> Inside:
    """Load a model and keep what it shows; nothing of it stays in memory but that.

    Args:
        model: which one; it has these classes, in whatever order.
        classes: in the order that everything gets.
        pictures: a batch.
        device: as `Scorer`.

    Raises:
        UserError: as `load_model` and `Scorer.look`.
    """
    trained = load_model(model.path)
    order = [trained.card.classes.index(name) for name in classes]
    square = np.ix_(order, order)
    seen = _ordered(Scorer(trained, device).look(pictures), order) if pictures else None
    graph, head = _graph(trained), trained.model.head
    if graph is not None:
        graph = Graph(graph.what, graph.weights[square])
    elif seen is not None and seen.graph is not None and seen.graph.ndim == 2:
        graph = Graph("label graph", seen.graph.astype(np.float64))
    labels, told = trained.labels, bool(trained.labels.counts.any())
    probability = conditional_probability(labels.counts, labels.cooccurrence)
    memory = _array(head.cooccurrence)[:, order][:, :, order] if isinstance(head, SALGLHead) else None
    classifiers = head.pooled_classifiers()
    return Inside(
        model,
        seen,
        probability[square] if told else None,
        graph,
        memory,
        None if classifiers is None else _array(classifiers)[order],
    )


def _ordered(seen: Seen, order: list[int]) -> Seen:
    graph = seen.graph
    if graph is not None:
        graph = graph[..., order, :][..., order]
    return seen._replace(
        logits=seen.logits[:, order],
        maps=None if seen.maps is None else seen.maps[:, order],
        graph=graph,
    )


def _graph(trained: Trained) -> Graph | None:
    """The graph of a head that shows another one, or one beside that of each image."""
    head = trained.model.head
    if isinstance(head, MLGCNHead):
        return _reweighted(trained, head)
    if isinstance(head, ADDGCNHead) and hasattr(head.graph_network, "static_graph"):
        return Graph("learned, static", _array(head.graph_network.static_graph.weight).astype(np.float64))
    return None


def _reweighted(trained: Trained, head: MLGCNHead) -> Graph:
    """Eq. 8 of ML-GCN; what labels are told along, where the counts that it was made of are not known.

    The head propagates along the transpose of its graph: turned round, its rows are those of P(j | i).
    """
    options, labels = trained.card.method.options, trained.labels
    propagation = _array(head.propagation).astype(np.float64)
    graph = reweighted_graph(
        conditional_probability(labels.counts, labels.cooccurrence), options["tau"], options["p"]
    )
    if np.allclose(propagation_matrix(graph), propagation, atol=1e-5):
        return Graph("re-weighted", graph)
    return Graph("re-weighted, normalised", propagation.T)


def _array(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().float().cpu().numpy()
    return array
