"""Turn a published checkpoint into a model here, with what the user says of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.datasets.locate import dataset_info, locate
from bench.datasets.prepare import prepare_split, with_classes
from bench.engine.models.model_file import ModelCard, Trained, input_of
from bench.engine.models.published_classes import class_names, in_order
from bench.errors import UserError
from bench.experiment.methods import MethodChoice, options_of, parse_methods
from bench.files import sha256_of_file
from bench.labels import count_labels
from bench.methods.catalog import METHODS
from bench.methods.graph import conditional_probability, reweighted_graph
from bench.methods.label_space import LabelSpace
from bench.methods.options import MLGCNOptions, Options
from bench.methods.published.checkpoints import (
    LAYOUTS,
    PUBLICATIONS,
    CheckpointLayout,
    Publication,
    plain_names,
    recognise,
)
from bench.methods.published.constants import describe_file, read_graph, read_label_vectors
from bench.methods.published.files import read_published_file
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.model import build_published, check_names, sizes_of
from bench.methods.published.other_names import under_present_names
from bench.resolve import resolve
from bench.settings import work_folder


@dataclass(frozen=True)
class Given:
    """What the user says of a checkpoint.

    Attributes:
        code: the published code, with options that its tensors do not tell: `salgl/soft=true`.
        data: the data set that it was trained on.
        data_root: the folder that holds it.
        class_order: `alphabetical`, `category-id`, or a file with one class name per line.
        vectors: the label vectors that it was trained with.
        graph: the label graph that it was trained with.
        image_size: the side of its input, pixels, where it is not that of the paper.
        ema: take the moving average of the weights where there is one.
    """

    code: str
    data: str | None = None
    data_root: Path | None = None
    class_order: str | None = None
    vectors: Path | None = None
    graph: Path | None = None
    image_size: int | None = None
    ema: bool = True


class Graph(NamedTuple):
    """Counts of labels and of pairs, the number of images counted where known, and where it comes from."""

    counts: NDArray[np.int64]
    pairs: NDArray[np.int64]
    images: int | None
    source: str


def import_published(path: Path, given: Given) -> tuple[Trained, list[str]]:
    """Read a published checkpoint.

    Returns:
        The model, and a sentence on each thing that a reader of its numbers should know.

    Raises:
        UserError: a file that cannot be read or is refused, another method's, names or sizes that do not fit,
            or something that the checkpoint does not hold and that is not given.
    """
    code, _, settings = given.code.partition("/")
    publication = resolve("published code", code, PUBLICATIONS)
    read = read_published_file(path, given.ema)
    tensors, left_out = under_present_names(code, read.tensors)
    method = recognise(code, tensors)
    layout = LAYOUTS[method]
    tensors = plain_names(method, tensors)
    resnet = check_names(method, tensors)
    _check_given(method, layout, tensors, given)
    names = class_names(given.class_order, given.data, given.data_root)
    _check_count(layout, tensors, names)
    names, order = in_order(names, given.class_order, given.data, publication)
    choice = _choice(method, tensors, settings)
    graph = _graph(layout, tensors, names, options_of(choice), given)
    vectors, vectors_source = _vectors(layout, tensors, names, given)
    labels = LabelSpace(names, vectors, graph.counts, graph.pairs, graph.images or 0)
    model = build_published(method, tensors, labels, options_of(choice))
    size, test_size, resize = _sizes(publication, given.image_size)
    kept = f", its '{read.kept_under}'" if read.kept_under else ""
    card = ModelCard(
        **input_of(model.backbone),
        method=choice,
        backbone=resnet,
        classes=names,
        train_size=size,
        test_size=test_size,
        test_resize=resize,
        protocol=code,
        precision="fp32",
        vectors=vectors_source,
        graph=graph.source,
        train_images=graph.images,
        source=f"{publication.code}: {path.name} (sha256 {sha256_of_file(path)}){kept}; classes {order}",
        citation=METHODS[method].citation,
    )
    used = (layout.vectors, layout.graph)
    unused = {
        name: why for name, why in PUBLISHED[method].unused.items() if name not in used and name in tensors
    }
    notes = [f"not loaded: {name}: {why}" for name, why in (unused | left_out).items()]
    notes += [layout.note] if layout.note else []
    notes += _untold(code, layout, settings, choice, _choice(method, tensors, ""))
    return Trained(model, labels, card), notes


def _untold(
    code: str, layout: CheckpointLayout, settings: str, choice: MethodChoice, told: MethodChoice
) -> list[str]:
    """What no tensor tells: options that have to be named but are not, and those that are taken on trust.

    Args:
        code: the published code.
        layout: of its checkpoints.
        settings: the options that the user names.
        choice: the method with them.
        told: the method without them, as the file and the published code have it.
    """
    notes = [
        f"not in the file: {option}, taken to be {choice.options[option]}; if the model was trained with "
        f"another, say so: --from {code}/{option}=VALUE"
        for option in layout.untold
        if f"{option}=" not in settings
    ]
    # Where another value changes a tensor, the model did not fit the file and was not built.
    return notes + [
        f"taken on trust: {option}={value} in place of {told.options[option]}, on which no tensor in the "
        "file depends"
        for option, value in choice.options.items()
        if value != told.options[option] and option not in layout.untold
    ]


def _check_given(method: str, layout: CheckpointLayout, tensors: dict[str, Tensor], given: Given) -> None:
    """Say at once all that is missing, and refuse what has no use."""
    missing = []
    if layout.vector_size and given.vectors is None:
        size = tensors[layout.vector_size.tensor].shape[layout.vector_size.axis]
        missing.append(f"its label vectors, {size} numbers per class (--vectors FILE)")
    if layout.needs_graph and layout.graph not in tensors and given.graph is None and given.data is None:
        missing.append("its label graph (--graph FILE, or --data NAME to count it on the training split)")
    if missing:
        raise UserError(
            f"A published {METHODS[method].title} checkpoint does not hold {' nor '.join(missing)}; "
            "give what it was trained with."
        )
    if given.vectors and layout.vector_size is None:
        raise UserError(f"Leave out --vectors: a published {method} checkpoint needs no others than its own.")
    if given.graph and not layout.needs_graph:
        raise UserError(f"Leave out --graph: a published {method} checkpoint needs no other than its own.")


def _check_count(layout: CheckpointLayout, tensors: dict[str, Tensor], names: tuple[str, ...]) -> None:
    size = layout.classes
    count = tensors[size.tensor].shape[size.axis] if size and size.tensor in tensors else len(names)
    if count != len(names):
        raise UserError(
            f"The checkpoint has {count} classes, but {len(names)} are named ({', '.join(names[:3])}, ...); "
            "name the data set that it was trained on with --data, or its classes with --class-order FILE."
        )


def _choice(method: str, tensors: dict[str, Tensor], settings: str) -> MethodChoice:
    """The method with the options that the user names, and of the others those that the tensors tell."""
    named = {setting.partition("=")[0] for setting in settings.split("/")}
    sizes = sizes_of(method, tensors)
    told = [f"{option}={value}" for option, value in sizes.items() if option not in named]
    (choice,) = parse_methods(("/".join([method, *told, *([settings] if settings else [])]),))
    for option, value in LAYOUTS[method].fixed.items():
        if choice.options[option] != value:
            raise UserError(
                f"Leave out {option}={choice.options[option]}: the published {method} checkpoints were "
                f"trained with {option}={value}."
            )
    return choice


def _sizes(publication: Publication, side: int | None) -> tuple[int, int, int]:
    """Side in training, in test, and of the test image before it is cropped; the crop keeps its share."""
    if side is None:
        return publication.train_size, publication.test_size, publication.test_resize
    return side, side, round(side * publication.test_resize / publication.test_size)


def _vectors(
    layout: CheckpointLayout, tensors: dict[str, Tensor], names: tuple[str, ...], given: Given
) -> tuple[NDArray[np.floating], str]:
    if layout.vectors:
        return tensors[layout.vectors].float().numpy(), f"'{layout.vectors}' in the published file"
    if layout.vector_size is None or given.vectors is None:
        return np.zeros((len(names), 0), np.float32), "none are used"
    width = tensors[layout.vector_size.tensor].shape[layout.vector_size.axis]
    vectors = read_label_vectors(given.vectors, names, width, work_folder() / "cache")
    return vectors, describe_file(given.vectors)


def _graph(
    layout: CheckpointLayout,
    tensors: dict[str, Tensor],
    names: tuple[str, ...],
    options: Options,
    given: Given,
) -> Graph:
    nothing = np.zeros(len(names), np.int64), np.zeros((len(names), len(names)), np.int64)
    if not layout.needs_graph:
        return Graph(*nothing, None, "none but what the weights hold")
    held = tensors.get(layout.graph) if layout.graph else None
    if given.graph is not None:
        graph = Graph(*read_graph(given.graph, len(names)), None, describe_file(given.graph))
    elif held is not None:
        # Edges alone, each as sure as can be: what is built from them must be what the checkpoint holds.
        edges = (held.double().numpy() > 0).astype(np.int64) - np.eye(len(names), dtype=np.int64)
        graph = Graph(np.ones(len(names), np.int64), edges, None, f"'{layout.graph}' in the published file")
    else:
        graph = _counted(given, names)
    if held is not None and isinstance(options, MLGCNOptions):
        _check_graph(graph, held, options)
    return graph


def _check_graph(graph: Graph, held: Tensor, options: MLGCNOptions) -> None:
    built = reweighted_graph(conditional_probability(graph.counts, graph.pairs), options.tau, options.p)
    different = int((np.abs(built - held.double().numpy()) > 1e-5).sum())
    if different:
        raise UserError(
            f"The label graph from {graph.source} differs from that in the checkpoint in {different} of "
            f"{built.size} entries (tau {options.tau}, p {options.p}), so it is of other images, of classes "
            "in another order, or made with another p (--from ml-gcn/p=VALUE)."
        )


def _counted(given: Given, names: tuple[str, ...]) -> Graph:
    """Count the training split of the data set, in the order of the checkpoint's classes."""
    assert given.data is not None
    info = dataset_info(given.data)
    try:
        folder = locate(info, given.data_root)
    except UserError as error:
        raise UserError(
            f"The label graph is not in the checkpoint: give it with --graph FILE, or mend this: {error}"
        ) from error
    info = with_classes(info, folder)
    if set(info.classes) != set(names):
        raise UserError(
            f"The label graph cannot be counted on {info.name}: its {len(info.classes)} classes are not the "
            f"{len(names)} that are named; give the graph with --graph FILE."
        )
    labels = prepare_split(info, folder, info.train_split).index.labels
    columns = [info.classes.index(name) for name in names]
    return Graph(*count_labels(labels[:, columns]), len(labels), f"counted on {info.name} {info.train_split}")
