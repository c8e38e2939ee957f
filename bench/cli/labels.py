"""`bench labels`: the label graph that the methods are given."""

from pathlib import Path

import click

from bench.datasets.open import open_dataset
from bench.methods.catalog import MLGCNOptions
from bench.methods.graph import conditional_probability, reweighted_graph
from bench.methods.label_space import count_labels

PUBLISHED = MLGCNOptions()


@click.group("labels")
def command() -> None:
    """Show what the methods know of the labels."""


@command.command("graph")
@click.argument("data")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--tau", type=click.FloatRange(0, 1), default=PUBLISHED.tau, show_default=True)
@click.option("--p", type=click.FloatRange(0, 1, max_open=True), default=PUBLISHED.p, show_default=True)
def graph(data: str, data_root: Path | None, tau: float, p: float) -> None:
    """Count co-occurrence on the training split, and show both published normalisations.

    P(j|i) is what SSGRL passes messages along; A is ML-GCN's re-weighted graph, which drops edges with P(j|i)
    below tau. Without an edge in A, the numbers of the pair are not shown.
    """
    dataset = open_dataset(data, data_root)
    names = dataset.info.classes
    counts, cooccurrence = count_labels(dataset.train.labels)
    probability = conditional_probability(counts, cooccurrence)
    weights = reweighted_graph(probability, tau, p)
    click.echo(f"{data} {dataset.info.train_split}: {len(dataset.train)} images; tau {tau}, p {p}")
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
