"""`bench labels`: the label graph and the label vectors that the methods are given."""

from pathlib import Path

import click
import numpy as np
from rich.console import Console

from bench.cli.display import open_display
from bench.datasets.locate import dataset_info, locate
from bench.datasets.prepare import prepare_split, with_classes
from bench.labels import count_labels
from bench.methods.graph import conditional_probability, reweighted_graph
from bench.methods.options import MLGCNOptions
from bench.methods.published.constants import LabelCounts, read_graph
from bench.methods.vectors.label_vectors import label_vectors
from bench.methods.vectors.source import LABEL_SETS, vector_source
from bench.settings import work_folder

PUBLISHED = MLGCNOptions()


@click.group("labels")
def command() -> None:
    """Show what the methods know of the labels."""


@command.command("graph")
@click.argument("data")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--tau", type=click.FloatRange(0, 1), default=PUBLISHED.tau, show_default=True)
@click.option("--p", type=click.FloatRange(0, 1, max_open=True), default=PUBLISHED.p, show_default=True)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    help="Published counts, .npz with nums and adj, to compare with.",
)
def graph(data: str, data_root: Path | None, tau: float, p: float, compare: Path | None) -> None:
    """Count co-occurrence on the training split, and show both published normalisations.

    P(j|i) is what SSGRL passes messages along; A is ML-GCN's re-weighted graph, which drops edges with P(j|i)
    below tau. Without an edge in A, the numbers of the pair are not shown. No image is opened.
    """
    info = dataset_info(data)
    folder = locate(info, data_root)
    info = with_classes(info, folder)
    with open_display(Console(stderr=True)) as display:
        progress = display.task(f"reading {data}")
        names, index = info.classes, prepare_split(info, folder, info.train_split, progress).index
    counts, cooccurrence = count_labels(index.labels)
    probability = conditional_probability(counts, cooccurrence)
    weights = reweighted_graph(probability, tau, p)
    click.echo(f"{data} {info.train_split}: {len(index)} images; tau {tau}, p {p}")
    edges = 0
    for i, name in enumerate(names):
        click.echo(f"{name}: {counts[i]} images")
        for j in (-probability[i]).argsort(kind="stable"):
            if j != i and probability[i, j] >= tau:
                edges += 1
                click.echo(
                    f"  {names[j]}: together in {cooccurrence[i, j]}, P(j|i) {probability[i, j]:.3f}, "
                    f"A {weights[i, j]:.4f}"
                )
    never = [name for name, count in zip(names, counts, strict=True) if count == 0]
    click.echo(f"{edges} edges; labels that never occur in training: {', '.join(never) or 'none'}")
    if compare is not None:
        click.echo(f"{compare}: {_compared(names, counts, cooccurrence, *read_graph(compare, len(names)))}")


def _compared(
    names: tuple[str, ...], counts: LabelCounts, pairs: LabelCounts, nums: LabelCounts, adj: LabelCounts
) -> str:
    """Whether counts equal published ones, which may be in alphabetical order, as ML-GCN's of COCO are."""
    alphabetical = np.argsort(np.array(names))
    for said, order in (
        ("the order of the classes", np.arange(len(names))),
        ("alphabetical order", alphabetical),
    ):
        if (counts[order] == nums).all() and (pairs[np.ix_(order, order)] == adj).all():
            return f"the same counts of labels and pairs, in {said}"
    labels, both = int((counts != nums).sum()), int((np.triu(pairs != adj)).sum())
    return (
        f"in the order of the classes {labels} of {len(names)} labels and {both} pairs are counted "
        f"otherwise, {counts.sum()} labels here and {nums.sum()} there; nor does alphabetical order fit"
    )


@command.command("vectors")
@click.argument("data")
@click.option(
    "--from",
    "source",
    default=LABEL_SETS.kind,
    show_default=True,
    help="label-sets, random, glove or word2vec (as downloaded), bert, bert:DIR, or a file: GloVe text .txt, "
    "word2vec .vec or .bin, .npz with names, .npy in class order.",
)
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
def vectors(data: str, source: str, data_root: Path | None) -> None:
    """Make the label vectors; show what each is made of, and the class that is nearest to it.

    They are those that `bench run --vectors SOURCE` trains with. Only label-sets needs the data itself.
    """
    chosen = vector_source(source, data_root)
    info = dataset_info(data)
    labels = np.zeros((0, len(info.classes)), np.int8)
    if chosen == LABEL_SETS or not info.classes:
        folder = locate(info, data_root)
        info = with_classes(info, folder)
        if chosen == LABEL_SETS:
            labels = prepare_split(info, folder, info.train_split).index.labels
    with open_display(Console(stderr=True)) as display:
        display.task(f"label vectors from {chosen}")
        made = label_vectors(chosen, info.classes, labels, work_folder() / "cache")
    click.echo(f"{data}: {len(made.values)} vectors of {made.values.shape[1]} numbers from {chosen}")
    for i, (nearest, cosine) in enumerate(made.nearest()):
        click.echo(
            f"{info.classes[i]}: {made.made_of[i]}; nearest {info.classes[nearest]} (cosine {cosine:.2f})"
        )
    if chosen.kind == "ordered":
        click.echo("The file has no names: that its rows are in the order of the classes is trusted.")
    click.echo(f"digest {made.digest()}, recorded in runs as {made.identity()}, kept in {made.kept}")
