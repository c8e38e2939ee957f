"""Query2Label and C-Tran on small inputs: against torch's own layers, how they start, what they are told."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.methods.c_tran import CTranHead, draw_known
from bench.methods.layers.transformer import PostNormLayer, sine_positions
from bench.methods.options import CTranOptions, Query2LabelOptions
from bench.methods.query2label import Query2LabelHead
from small_heads import CHANNELS, CLASSES, batch, label_space, loss_of

FEEDFORWARD, HEADS = 24, 4


def query2label(channels: int = CHANNELS, **options: Any) -> Query2LabelHead:
    torch.manual_seed(0)
    return Query2LabelHead(
        channels,
        label_space(),
        Query2LabelOptions(**{"feedforward": FEEDFORWARD, "dropout": 0, **options}),
    )


def c_tran(channels: int = CHANNELS, **options: Any) -> CTranHead:
    torch.manual_seed(0)
    return CTranHead(
        channels, label_space(), CTranOptions(**{"feedforward": FEEDFORWARD, "dropout": 0, **options})
    )


def unlike_the_start(head: nn.Module) -> nn.Module:
    """The head in double precision, with no parameter at a value such as 0 that would hide it."""
    for parameter in head.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return head.double()


def attend(layer: PostNormLayer, queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Attention by torch's own module."""
    plain = nn.MultiheadAttention(queries.shape[2], layer.heads, batch_first=True).double()
    plain.in_proj_weight.data, plain.in_proj_bias.data = layer.project.weight.data, layer.project.bias.data
    plain.out_proj.weight.data, plain.out_proj.bias.data = layer.merge.weight.data, layer.merge.bias.data
    attended, weights = plain(queries, keys, values)
    return attended, weights


def after(layer: PostNormLayer, tokens: Tensor, attended: Tensor) -> Tensor:
    tokens = layer.attention_norm(tokens + attended)
    fed: Tensor = layer.feedforward_norm(tokens + layer.contract(F.relu(layer.expand(tokens))))
    return fed


@pytest.mark.parametrize(
    "options",
    [{}, {"project": True, "width": 20}, {"encoder_layers": 0, "decoder_layers": 3}, {"heads": 2}],
    ids=str,
)
def test_query2label_is_the_published_model_step_by_step(options: dict[str, Any]) -> None:
    head = unlike_the_start(query2label(**options)).eval()
    assert isinstance(head, Query2LabelHead)
    features = batch()[0].double()
    tokens = head.project(features.flatten(2).transpose(1, 2))
    positions = sine_positions(*features.shape[2:], like=tokens)
    for layer in head.encoder:
        assert isinstance(layer, PostNormLayer)
        placed = tokens + positions
        tokens = after(layer, tokens, attend(layer, placed, placed, tokens)[0])
    queries = head.queries.expand(len(features), -1, -1)
    answers = torch.zeros_like(queries)
    output = head(features)
    for number, layer in enumerate(head.decoder):
        assert isinstance(layer, PostNormLayer)
        attended, weights = attend(layer, answers + queries, tokens + positions, tokens)
        answers = after(layer, answers, attended)
        torch.testing.assert_close(output.views[f"attention_{number}"].flatten(2), weights.detach())
    logits = (head.norm(answers) * head.classifier.weight).sum(dim=2) + head.classifier.bias
    torch.testing.assert_close(output.logits, logits, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"layers": 1}, {"positions": True}, {"known": 0}], ids=str)
@pytest.mark.parametrize("told", [False, True])
def test_c_tran_is_the_published_model_step_by_step(options: dict[str, Any], told: bool) -> None:
    head = unlike_the_start(c_tran(**options)).eval()
    assert isinstance(head, CTranHead)
    features, targets = (tensor.double() for tensor in batch())
    given = torch.full_like(targets, -1)
    if told and head.states:
        given[:, ::2] = targets[:, ::2]
    positions = features.flatten(2).transpose(1, 2)
    if head.options.positions:
        positions = positions + sine_positions(*features.shape[2:], like=positions)
    labels = head.labels.expand(len(features), -1, -1)
    if head.states:
        labels = labels + head.states.weight[(given + 1).long()]
    tokens = head.norm(torch.cat([positions, labels], dim=1))
    for layer in [*head.layers, head.readout]:
        assert isinstance(layer, PostNormLayer)
        attended, weights = attend(layer, tokens, tokens, tokens)
        tokens = after(layer, tokens, attended)
    last = tokens[:, -CLASSES:]
    logits = F.linear(last, head.classifier.weight, head.classifier.bias).diagonal(dim1=1, dim2=2)
    output = head(features, None, given) if told and head.states else head(features)
    torch.testing.assert_close(output.logits, logits, rtol=1e-9, atol=1e-12)
    seen = torch.cat([output.views["attention"].flatten(2), output.views["label_attention"]], dim=2)
    torch.testing.assert_close(seen, weights[:, -CLASSES:].detach())


def uniform(parameter: Tensor, bound: float) -> bool:
    """Whether the values are spread evenly over ± bound."""
    values = parameter.detach().flatten()
    spread = values.std() / (bound / math.sqrt(3))
    return bool(values.abs().max() <= bound and abs(spread - 1) < 3 / math.sqrt(len(values)))


def test_query2label_starts_as_published() -> None:
    head = query2label(channels=64, feedforward=192, project=True, width=128)
    for name, parameter in head.named_parameters():
        fan_out, fan_in = parameter.shape if parameter.ndim == 2 else (1, len(parameter))
        part = name.split(".")[-2:]
        match part:
            case ["queries"]:
                assert abs(parameter.std() - 1) < 0.1 and abs(parameter.mean()) < 0.1, name
            case ["classifier", _]:
                assert uniform(parameter, 128**-0.5), name
            case [_, "weight"] if "norm" in name:
                assert torch.equal(parameter, torch.ones_like(parameter)), name
            case [_, "bias"] if "norm" in name:
                assert not parameter.any(), name
            case ["project", _] if name.startswith("project"):
                assert uniform(parameter, 64**-0.5), name
            case ["project" | "merge", "bias"]:
                assert not parameter.any(), name
            case [_, "weight"]:
                assert uniform(parameter, math.sqrt(6 / (fan_in + fan_out))), name
            case ["expand" | "contract", "bias"]:
                assert uniform(parameter, {"expand": 128, "contract": 192}[part[0]] ** -0.5), name
            case _:
                raise AssertionError(f"the start of {name} is not tested")
    first, second = head.decoder
    assert isinstance(first, PostNormLayer) and isinstance(second, PostNormLayer)
    for part in ("expand", "contract"):
        one, other = getattr(first, part), getattr(second, part)
        assert torch.equal(one.bias, other.bias) and not torch.equal(one.weight, other.weight)


def test_c_tran_starts_as_published() -> None:
    head = c_tran(channels=128, feedforward=192)
    for name, parameter in head.named_parameters():
        match name.split(".")[-2:]:
            case ["labels"] | ["states", "weight"] | ["classifier" | "merge" | "expand", _]:
                assert uniform(parameter, 128**-0.5), name
            case [_, "weight"] if "norm" in name:
                assert torch.equal(parameter, torch.ones_like(parameter)), name
            case [_, "bias"] if "norm" in name:
                assert not parameter.any(), name
            case ["contract", _]:
                assert uniform(parameter, 192**-0.5), name
            case ["project", "weight"]:
                assert uniform(parameter, math.sqrt(6 / (4 * 128))), name
            case ["project", "bias"]:
                assert not parameter.any(), name
            case _:
                raise AssertionError(f"the start of {name} is not tested")


def test_c_tran_never_trains_the_state_of_an_unknown_label() -> None:
    head = c_tran().train()
    features, targets = batch()
    loss_of(head(features, targets), targets).backward()
    assert head.states is not None and head.states.weight.grad is not None
    assert head.states.weight[0].any() and not head.states.weight.grad[0].any()
    assert head.states.weight.grad[1:].any(dim=1).all()


def test_c_tran_is_told_between_none_and_three_quarters_of_the_labels() -> None:
    torch.manual_seed(0)
    known = draw_known(torch.zeros(4000, 20), 0.75)
    counts = known.sum(dim=1).bincount()
    assert len(counts) == 16 and counts.min() > 4000 / 16 * 0.7
    of_each = known.float().mean(dim=0)
    assert (of_each - 0.375).abs().max() < 0.03, "no label is known more often than another"
    torch.manual_seed(0)
    assert torch.equal(draw_known(torch.zeros(4000, 20), 0.75), known)
    assert draw_known(torch.zeros(2000, 100), 0.29).sum(dim=1).max() == 29
    assert not draw_known(torch.zeros(8, 1), 0.75).any()


def test_c_tran_without_label_mask_training_is_told_nothing() -> None:
    head = c_tran(known=0).train()
    assert not head.options.uses_known_labels and head.states is None
    assert head(*batch()).known is None
    assert c_tran().train()(batch()[0]).known is None, "without targets there is nothing to be told"


@pytest.mark.parametrize(
    ("build", "channels", "options", "message"),
    [
        (
            query2label,
            30,
            {},
            r"30 channels: choose a backbone or, with project=true, a width .*multiple of 4",
        ),
        (query2label, 32, {"heads": 5}, r"32 channels.* multiple of 20"),
        (query2label, 30, {"heads": 2}, r"multiple of 4"),
        (c_tran, 30, {}, r"4 attention heads of C-Tran cannot share 30 channels: choose a backbone"),
        (c_tran, 30, {"heads": 3, "positions": True}, r"multiple of 12"),
    ],
)
def test_channels_that_the_attention_heads_cannot_share_are_refused(
    build: Any, channels: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(channels, **options)


@pytest.mark.parametrize(("heads", "width", "multiple"), [(5, 2048, 20), (4, 18, 4), (8, 20, 8)])
def test_a_projected_width_that_the_heads_cannot_share_is_refused_before_a_model_is_built(
    heads: int, width: int, multiple: int
) -> None:
    message = (
        rf"Method 'query2label/.*': {heads} heads and a position encoding cannot share a width of {width}: "
        rf"choose a multiple of {multiple}\.$"
    )
    with pytest.raises(UserError, match=message):
        parse_methods((f"query2label/project=true/heads={heads}/width={width}",))


def test_a_width_without_a_projection_is_refused() -> None:
    """It would have no effect, and make two runs of one model under two names."""
    with pytest.raises(UserError, match="add project=true, or leave width out"):
        parse_methods(("query2label/width=512",))


def test_a_projected_width_that_became_too_narrow_for_the_heads_is_refused() -> None:
    narrow = Query2LabelOptions(project=True).narrowed(9)
    with pytest.raises(UserError, match=r"18 channels: choose a width with a multiple of 4"):
        Query2LabelHead(30, label_space(), narrow)
