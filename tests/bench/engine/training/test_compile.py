"""`--compile` makes one graph of backbone and head, of every method, with the values of the plain model."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.engine.training.set_up import _seen_as
from bench.methods.catalog import METHODS
from bench.methods.head import HeadOutput
from bench.methods.model import MultiLabelModel, OnFeatures
from small_heads import CLASSES
from small_models import SIDE, small_model, tiny_backbone

IMAGES = 4


def made(head: str) -> MultiLabelModel:
    torch.manual_seed(0)
    return small_model(head, tiny_backbone()).model


def inputs(targets: bool) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (IMAGES, 3, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    labels = (torch.rand(IMAGES, CLASSES, generator=draw) < 0.5).float()
    return (images, labels) if targets else (images,)


def whole(module: torch.nn.Module, backend: str = "eager") -> Any:
    """The module as one graph; what would break it in two is an error."""
    torch.compiler.reset()
    return torch.compile(module, fullgraph=True, backend=backend)


def check_alike(found: HeadOutput, expected: HeadOutput) -> None:
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.auxiliary, expected.auxiliary)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("head", METHODS)
def test_every_method_is_one_graph(head: str, training: bool) -> None:
    plain, compiled = made(head).train(training), made(head).train(training)
    given = inputs(targets=training)
    seen = whole(compiled)
    torch.manual_seed(2)
    expected = plain(*given)
    torch.manual_seed(2)
    check_alike(seen(*given), expected)
    for (name, one), other in zip(plain.named_buffers(), compiled.buffers(), strict=True):
        torch.testing.assert_close(other, one, msg=name)  # SALGL's memory, batch statistics


def test_however_many_models_a_matrix_compiles_none_is_run_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """All share the code of one forward pass, and PyTorch stops compiling what it has compiled too often."""
    graphs = []

    def counted(graph: torch.fx.GraphModule, _: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model, mode: compiled(model, backend=counted))
    # Twice each, so more often than the eight times after which it stops.
    for head in ("resnet", "ml-gcn", "csra", "add-gcn", "ml-decoder"):
        seen = _seen_as(made(head), True)
        for training in (True, False):
            before = len(graphs)
            seen.train(training)(*inputs(targets=training))
            assert len(graphs) > before, (head, training)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["resnet", "salgl", "tdrg"])
def test_the_backward_pass_is_one_graph_too(head: str) -> None:
    gradients = []
    for backend in (None, "aot_eager"):
        model = made(head).train()
        seen = model if backend is None else whole(model, backend)
        torch.manual_seed(2)
        output = seen(*inputs(targets=True))
        (output.logits.square().mean() + sum(output.auxiliary.values())).backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0]
    # Some are zero but for rounding, such as of a bias before a normalisation.
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("head", ["resnet", "tdrg"])
def test_heads_on_stored_features_are_one_graph(head: str) -> None:
    plain = made(head).eval()
    features, earlier = (
        None if one is None else one.detach().half() for one in plain.maps(*inputs(targets=False))
    )
    assert features is not None
    given = (features, None, earlier)
    check_alike(whole(OnFeatures(plain))(*given), OnFeatures(plain)(*given))
