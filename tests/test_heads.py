"""What every head must do."""

import numpy as np
import pytest
import torch
from small_heads import CHANNELS, CLASSES, HEADS, batch, build, label_space, loss_of, trained
from torch import Tensor

from bench.methods.catalog import METHODS
from bench.methods.label_space import LabelSpace

every_head = pytest.mark.parametrize("name", HEADS)


def test_every_method_of_the_catalog_is_under_contract() -> None:
    assert METHODS.keys() <= HEADS.keys()
    for name, method in METHODS.items():
        assert method.head == f"{type(build(name)).__module__}:{type(build(name)).__name__}"


@every_head
def test_one_logit_per_class_and_auxiliary_terms_in_training_only(name: str) -> None:
    head = build(name)
    features, targets = batch()
    training = head.train()(features, targets)
    evaluation = head.eval()(features)
    for output in (training, evaluation):
        assert output.logits.shape == (4, CLASSES)
        assert torch.isfinite(output.logits).all()
        assert not any(view.requires_grad for view in output.views.values())
    assert evaluation.auxiliary == {}
    assert all(term.ndim == 0 for term in training.auxiliary.values())


@every_head
def test_gradients_reach_every_parameter_and_the_features(name: str) -> None:
    head = build(name).train()
    features, targets = batch()
    features.requires_grad_()
    loss_of(head(features, targets), targets).backward()
    for parameter_name, parameter in head.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
    assert features.grad is not None
    assert features.grad.any()


@every_head
def test_an_image_is_scored_alone_as_in_a_batch(name: str) -> None:
    head = trained(name)
    features, _ = batch()
    with torch.no_grad():
        together = head(features).logits
        alone = torch.cat([head(image[None]).logits for image in features])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@every_head
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (7, 3)])
def test_any_size_of_map(name: str, size: tuple[int, int]) -> None:
    head = trained(name)
    output = head(torch.rand(2, CHANNELS, *size))
    assert output.logits.shape == (2, CLASSES)
    if name.startswith(("add-gcn", "salgl")):
        assert output.views["attention"].shape == (2, CLASSES, *size)


@every_head
@pytest.mark.parametrize("classes", [1, 2, 30])
def test_any_number_of_classes(name: str, classes: int) -> None:
    head = build(name, label_space(classes)).train()
    features, targets = batch(classes=classes)
    output = head(features, targets)
    assert output.logits.shape == (4, classes)
    assert torch.isfinite(loss_of(output, targets))


@every_head
def test_state_dict_round_trip(name: str) -> None:
    head = trained(name)
    other = HEADS[name](CHANNELS, label_space())
    other.load_state_dict(head.state_dict())
    features, _ = batch()
    assert torch.equal(other.eval()(features).logits, head(features).logits)


@every_head
def test_half_precision_stays_finite(name: str) -> None:
    head = build(name).train()
    features, targets = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = head(features.bfloat16(), targets)
        loss = loss_of(output, targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in head.parameters() if p.grad is not None)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        half = head.eval()(features.bfloat16()).logits
    full = head.eval()(features).logits
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)


@every_head
def test_compiles_without_a_graph_break(name: str) -> None:
    head = trained(name)
    compiled = torch.compile(head, backend="aot_eager", fullgraph=True)
    features, targets = batch()
    with torch.no_grad():
        torch.testing.assert_close(compiled(features).logits, head(features).logits)
    head.train()
    loss_of(compiled(features, targets), targets).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


@every_head
def test_a_label_that_never_occurs_has_a_finite_logit(name: str) -> None:
    head = build(name, label_space(never=2)).train()
    features, targets = batch()
    targets[:, 2] = 0
    assert torch.isfinite(head(features, targets).logits).all()
    assert torch.isfinite(head.eval()(features).logits).all()


@every_head
def test_the_order_of_the_classes_does_not_matter(name: str) -> None:
    order = [3, 0, 6, 1, 5, 2, 4]
    fresh, other = build(name), build(name, permuted(label_space(), order))
    # What a head builds from the labels follows their order.
    for (buffer_name, buffer), (_, moved) in zip(fresh.named_buffers(), other.named_buffers(), strict=True):
        torch.testing.assert_close(moved, reordered(buffer, order), msg=buffer_name)
    head = trained(name)
    other.load_state_dict({key: reordered(value, order) for key, value in head.state_dict().items()})
    features, _ = batch()
    logits = other.eval()(features).logits
    torch.testing.assert_close(logits, head(features).logits[:, order], rtol=1e-4, atol=1e-5)


def reordered(value: Tensor, order: list[int]) -> Tensor:
    for axis, size in enumerate(value.shape):
        if size == CLASSES:
            value = value.index_select(axis, torch.tensor(order))
    return value


def permuted(labels: LabelSpace, order: list[int]) -> LabelSpace:
    return LabelSpace(
        tuple(labels.names[i] for i in order),
        labels.vectors[order],
        labels.counts[order],
        labels.cooccurrence[np.ix_(order, order)],
        labels.num_images,
    )
