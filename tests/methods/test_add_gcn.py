"""The ablations of ADD-GCN, each against its formula, written out from the weights."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.errors import UserError
from bench.experiment.matrix import load_matrix, matrix_names
from bench.experiment.methods import options_of, parse_methods
from bench.methods.add_gcn import CLASSIFIERS, MAP_SCORES, ADDGCNHead
from bench.methods.contract import train_once
from bench.methods.head import HeadOutput
from bench.methods.layers.dynamic_graph import COMBINATIONS
from bench.methods.options import ADDGCNOptions
from small_heads import CHANNELS, CLASSES, HIDDEN, batch, label_space

State = dict[str, Tensor]
# The layers of a variant by the start of their parameters' names.
STATIC, DYNAMIC = ("static_graph", "static_update"), ("summary", "dynamic_graph", "dynamic_update")


def trained(**options: Any) -> ADDGCNHead:
    torch.manual_seed(0)
    head = ADDGCNHead(CHANNELS, label_space(), ADDGCNOptions(hidden=HIDDEN, **options)).double()
    features, targets = batch()
    train_once(head, features.double(), targets)  # so that the batch statistics are not 0 and 1
    return head.eval()


def evaluated(head: ADDGCNHead) -> tuple[Tensor, HeadOutput]:
    features = batch(3)[0].double()
    with torch.no_grad():
        return features, head(features)


def leaky(value: Tensor) -> Tensor:
    return torch.where(value > 0, value, 0.2 * value)


def linear(state: State, name: str, value: Tensor) -> Tensor:
    return value @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)


def static(state: State, nodes: Tensor) -> Tensor:
    return leaky(linear(state, "static_update", leaky(state["static_graph.weight"] @ nodes)))


def dynamic(state: State, nodes: Tensor) -> Tensor:
    norm = [state[f"summary_norm.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    summary = leaky(F.batch_norm(linear(state, "summary", nodes.mean(0))[None], *norm)[0])
    graph = torch.stack([linear(state, "dynamic_graph", torch.cat([summary, node])) for node in nodes])
    return leaky(linear(state, "dynamic_update", leaky(graph.sigmoid() @ nodes)))


# Final representations from the nodes V (C, hidden) of one image.
FORMULAS: dict[str, Callable[[State, Tensor], Tensor]] = {
    "none": lambda s, v: v,
    "static": lambda s, v: v + static(s, v),
    "dynamic": lambda s, v: v + dynamic(s, v),
    "parallel-add": lambda s, v: v + static(s, v) + dynamic(s, v),
    "parallel-mul": lambda s, v: v + static(s, v) * dynamic(s, v),
    "parallel-cat": lambda s, v: torch.cat([v + static(s, v), v + dynamic(s, v)], dim=1),
    "dynamic-static": lambda s, v: v + static(s, v + dynamic(s, v)),
    "static-dynamic": lambda s, v: v + dynamic(s, v + static(s, v)),
}


def graph_state(head: ADDGCNHead) -> State:
    return dict(head.graph_network.state_dict())


def nodes_of(head: ADDGCNHead, features: Tensor) -> Tensor:
    """Category representations (Eq. 1), one class at a time."""
    assert head.activation is not None
    weights = torch.sigmoid(torch.einsum("bdhw,cd->bchw", features, head.activation.weight))
    transformed = linear(dict(head.state_dict()), "transform", features.movedim(1, -1))
    return torch.stack([(weights[:, c, ..., None] * transformed).sum((1, 2)) for c in range(CLASSES)], dim=1)


@pytest.mark.parametrize("graph", FORMULAS)
def test_each_combination_of_graphs_is_its_formula(graph: str) -> None:
    head = trained(graph=graph)
    with torch.no_grad():
        features, output = evaluated(head)
        final = torch.stack([FORMULAS[graph](graph_state(head), v) for v in nodes_of(head, features)])
        scores = (final * head.classifier.weight).sum(-1) + head.classifier.bias
    torch.testing.assert_close(output.views["s_r"], scores)
    torch.testing.assert_close(output.logits, (output.views["s_m"] + scores) / 2)


@pytest.mark.parametrize(
    ("graph", "layers", "view"),
    [
        ("none", (), None),
        ("static", STATIC, (CLASSES, CLASSES)),
        ("dynamic", DYNAMIC, (3, CLASSES, CLASSES)),
        ("dynamic-static", STATIC + DYNAMIC, (3, CLASSES, CLASSES)),
    ],
)
def test_a_graph_that_is_not_used_has_no_parameters_and_the_used_one_is_seen(
    graph: str, layers: tuple[str, ...], view: tuple[int, ...] | None
) -> None:
    head = trained(graph=graph)
    names = {name.partition(".")[0] for name, _ in head.graph_network.named_parameters()}
    assert names - {"summary_norm"} == set(layers)
    views = evaluated(head)[1].views
    assert views["graph"].shape == view if view else "graph" not in views


def test_the_pooling_of_the_activation_maps_makes_the_first_score() -> None:
    def pooled(features: Tensor, head: ADDGCNHead, how: str) -> Tensor:
        assert head.activation is not None
        if how == "gap-cls":
            return head.activation(features.mean((2, 3)))
        if how == "gmp-cls":
            return head.activation(features.amax((2, 3)))
        return head.activation(features.movedim(1, -1)).amax((1, 2))

    for how in MAP_SCORES:
        head = trained(maps=how)
        features, output = evaluated(head)
        with torch.no_grad():
            expected = pooled(features, head, how)
            torch.testing.assert_close(output.views["s_m"], expected)
            torch.testing.assert_close(output.logits, (expected + output.views["s_r"]) / 2)


@pytest.mark.parametrize("how", ["sum", "avg", "max"])
def test_an_aggregated_representation_is_classified_for_all_categories_at_once(how: str) -> None:
    head = trained(representation=how)
    features, output = evaluated(head)
    with torch.no_grad():
        final, _ = head.graph_network(nodes_of(head, features))
        vector = {"sum": final.sum(1), "avg": final.sum(1) / CLASSES, "max": final.max(1).values}[how]
        torch.testing.assert_close(output.views["s_r"], linear(dict(head.state_dict()), "classifier", vector))


def test_without_the_attention_module_every_category_starts_from_the_same_vector() -> None:
    head = trained(nodes="conv")
    features, output = evaluated(head)
    assert {name.partition(".")[0] for name in head.state_dict()} == {
        "transform",
        "graph_network",
        "classifier",
    }
    with torch.no_grad():
        block = leaky(linear(dict(head.state_dict()), "transform", features.movedim(1, -1)))
        nodes = block.mean((1, 2))[:, None].repeat(1, CLASSES, 1)
        final = torch.stack([FORMULAS["static-dynamic"](graph_state(head), v) for v in nodes])
        scores = (final * head.classifier.weight).sum(-1) + head.classifier.bias
    torch.testing.assert_close(output.logits, scores)
    assert output.views.keys() == {"s_r", "graph"}


def test_every_value_of_an_option_is_built() -> None:
    tables = {"graph": COMBINATIONS, "maps": MAP_SCORES, "representation": CLASSIFIERS}
    for option, table in tables.items():
        assert set(get_args(ADDGCNOptions.model_fields[option].annotation)) == table.keys()


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UserError, match=r"'add-gcn/nodes=conv/maps=gap-cls': nodes=conv has no activation"):
        parse_methods(("add-gcn/nodes=conv/maps=gap-cls",))
    with pytest.raises(UserError, match="did you mean 'parallel-add'"):
        parse_methods(("add-gcn/graph=paralel-add",))


@pytest.mark.parametrize("name", [name for name in matrix_names() if name != "backbones"])
def test_every_row_of_the_tables_trains_every_parameter(name: str) -> None:
    for choice in parse_methods(load_matrix(None, {"data": "voc2007"}, name).methods):
        if choice.name != "add-gcn":
            continue
        options = options_of(choice).model_copy(update={"hidden": HIDDEN})
        head = ADDGCNHead(CHANNELS, label_space(), options)
        train_once(head, *batch())
        for parameter_name, parameter in head.named_parameters():
            assert parameter.grad is not None, f"{choice.label()}: {parameter_name}"
            assert parameter.ndim < 2 or parameter.grad.any(), f"{choice.label()}: {parameter_name}"
