"""TDRG step by step on drawn data, its start, and what it refuses."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.methods.catalog import METHODS
from bench.methods.layers.cross_scale import PLACES, PlaceEncoding, exchange
from bench.methods.model import seeded_head
from bench.methods.options import TDRGOptions
from bench.methods.tdrg import TDRGHead
from small_heads import CLASSES, label_space

HIDDEN, LAST, EARLIER = 8, 12, 6


def build(seed: int = 0, **options: Any) -> TDRGHead:
    typed = TDRGOptions(**{"hidden": HIDDEN, "feedforward": 16, **options})
    head = seeded_head(METHODS["tdrg"], typed, label_space(), LAST, seed, EARLIER)
    assert isinstance(head, TDRGHead)
    return head


def maps(images: int = 3, side: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    last = torch.randn(images, LAST, side, side, generator=generator).relu()
    earlier = torch.randn(images, EARLIER, 2 * side, 2 * side, generator=generator).relu()
    return last.double(), earlier.double()


def encoded(head: TDRGHead, one: Tensor) -> Tensor:
    """One scale `(B, dim, h, w)` through torch's own attention, the sequence first, as published."""
    tokens = one.flatten(2)  # (B, dim, N)
    places = head.scales.places
    shift = torch.zeros(())
    if places is None:  # attention over the images: (B, N, dim) is a sequence of B
        tokens = tokens.permute(0, 2, 1)
    else:
        tokens = tokens.permute(2, 0, 1)
        shift = torch.stack(
            [
                torch.cat([places.columns[column], places.rows[row]])
                for row in range(one.shape[2])
                for column in range(one.shape[3])
            ]
        )[:, None]
    for layer in head.scales.layers:
        attention = nn.MultiheadAttention(HIDDEN, 4, dtype=torch.float64)
        attention.in_proj_weight.data, attention.in_proj_bias.data = layer.project.weight, layer.project.bias
        attention.out_proj.weight.data, attention.out_proj.bias.data = layer.merge.weight, layer.merge.bias
        asked = tokens + shift
        tokens = layer.attention_norm(tokens + attention(asked, asked, tokens)[0])
        hidden = layer.contract(F.gelu(layer.expand(tokens)))
        tokens = layer.feedforward_norm(tokens + hidden)
    return tokens if places is None else tokens.transpose(0, 1)


def plainly(head: TDRGHead, last: Tensor, earlier: Tensor) -> dict[str, Tensor]:
    """The scores class by class and position by position, in the published order of steps."""
    coarse = F.conv2d(last, head.scales.coarse.weight, head.scales.coarse.bias, stride=2)
    three = [head.scales.earlier(earlier), head.scales.last(last), coarse]
    side = max(one.shape[2] for one in three)
    wide = [F.interpolate(one, (side, side), mode="bilinear", align_corners=True) for one in three]
    mixed = [one + wide[0] * wide[1] * wide[2] for one in wide]
    sizes = [one.shape[2:] for one in three]
    tokens = [
        encoded(head, F.interpolate(one, size, mode="bilinear", align_corners=True))
        for one, size in zip(mixed, sizes, strict=True)
    ]
    out_trans = head.structural_classifier(torch.cat([one.max(dim=1).values for one in tokens], dim=1))
    activations = F.conv2d(last, head.activation.weight[:, :, None, None]).flatten(2)
    count = max(1, round(0.05 * activations.shape[2]))
    out_sac = activations.sort(dim=2, descending=True).values[:, :, :count].sum(dim=2) / count
    mask = torch.sigmoid(activations).mT  # (B, N, C)
    transformed = F.conv2d(last, head.transform.weight[:, :, None, None], head.transform.bias).flatten(2)
    of_tokens = head.guided((tokens[1].mT @ mask).mT).mT
    nodes = torch.cat([transformed @ mask, of_tokens], dim=1)  # (B, 2 dim, C)
    means = head.guidance_norm(head.guidance(torch.cat([one.mean(dim=1) for one in tokens], dim=1)))
    guidance = F.leaky_relu(means, 0.2)[:, :, None].expand(-1, -1, CLASSES)
    joint = torch.sigmoid(head.graph(torch.cat([guidance, nodes], dim=1).mT).mT)
    gathered = F.leaky_relu(nodes @ joint, 0.2)
    final = F.leaky_relu(head.update(gathered.mT).mT, 0.2) + nodes
    out_gcn = torch.stack(
        [final[:, :, c] @ head.classifier.weight[c] + head.classifier.bias[c] for c in range(CLASSES)], dim=1
    )
    logits = 0.7 * out_trans + 0.3 * out_gcn
    return {"out_trans": out_trans, "out_gcn": out_gcn, "out_sac": out_sac, "logits": logits, "joint": joint}


@pytest.mark.parametrize("attention", ["positions", "batch"])
def test_the_head_is_the_published_code_step_by_step(attention: str) -> None:
    head = build(attention=attention).double().eval()
    last, earlier = maps()
    with torch.no_grad():
        expected, found = plainly(head, last, earlier), head(last, earlier=earlier)
    torch.testing.assert_close(found.logits, expected["logits"], rtol=1e-9, atol=1e-12)
    for name in ("out_trans", "out_gcn", "out_sac"):
        torch.testing.assert_close(found.views[name], expected[name], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.views["graph"].mT, expected["joint"], rtol=1e-9, atol=1e-12)
    assert found.views["attention"].shape == (3, CLASSES, 5, 5)


def test_the_loss_is_the_sum_of_four_means_of_which_three_are_auxiliary() -> None:
    head = build().double().train()
    last, earlier = maps()
    targets = (torch.rand(3, CLASSES) < 0.4).double()
    output = head(last, targets, earlier=earlier)
    assert output.auxiliary.keys() == {"out_trans", "out_gcn", "out_sac"}
    for name, term in output.auxiliary.items():
        expected = F.binary_cross_entropy_with_logits(output.views[name], targets)
        torch.testing.assert_close(term.detach(), expected)
    assert head(last, earlier=earlier).auxiliary == {}, "nothing to compare with"
    assert head.eval()(last, targets, earlier=earlier).auxiliary == {}


def test_no_gradient_goes_from_the_graph_to_the_transformer() -> None:
    head = build().double().train()
    last, earlier = maps()
    targets = torch.ones(3, CLASSES).double()
    head(last, targets, earlier=earlier).auxiliary["out_gcn"].backward()
    reached = {name for name, parameter in head.named_parameters() if parameter.grad is not None}
    assert not any(name.startswith(("scales.", "structural_classifier.")) for name in reached)
    assert {"activation.weight", "transform.weight", "guided.weight", "guidance.weight"} <= reached


@pytest.mark.parametrize("attention", ["positions", "batch"])
def test_with_the_default_alone_an_image_is_scored_by_itself(attention: str) -> None:
    head = build(attention=attention).double().eval()
    last, earlier = maps()
    with torch.no_grad():
        together = head(last, earlier=earlier).logits
        alone = head(last[:1], earlier=earlier[:1]).logits
    assert torch.allclose(alone, together[:1], rtol=1e-9) == (attention == "positions")
    assert TDRGOptions().attention == "positions"


@pytest.mark.parametrize(("last", "earlier"), [((1, 1), (2, 2)), ((2, 7), (3, 13)), ((7, 7), (15, 14))])
def test_maps_of_any_size_and_not_exactly_twice_one_another(
    last: tuple[int, int], earlier: tuple[int, int]
) -> None:
    output = build().eval()(torch.rand(2, LAST, *last), earlier=torch.rand(2, EARLIER, *earlier))
    assert output.logits.shape == (2, CLASSES) and output.logits.isfinite().all()


def test_scales_of_one_size_exchange_their_product() -> None:
    one, two, three = torch.rand(3, 2, 4, 5, 5)
    for mixed, before in zip(exchange([one, two, three]), (one, two, three), strict=True):
        torch.testing.assert_close(mixed, before + one * two * three)


def test_places_beyond_the_last_vector_are_interpolated() -> None:
    places = PlaceEncoding(8)
    rows, columns = 2 * PLACES - 1, 3
    encoded = places(rows, columns).unflatten(0, (rows, columns))
    torch.testing.assert_close(encoded[::2, 1, 4:], places.rows)
    torch.testing.assert_close(encoded[5, :, :4], places.columns[:3])


def bound(weight: Tensor, width: int) -> None:
    """Uniform within ±1/√width, filling it."""
    limit = width**-0.5
    assert weight.abs().max() <= limit and weight.abs().max() > 0.9 * limit
    assert weight.var() == pytest.approx(limit**2 / 3, rel=0.2)


def test_every_parameter_starts_as_published() -> None:
    wide, feedforward, last, earlier = 256, 512, 96, 48  # so that a bias has enough numbers to tell
    torch.manual_seed(0)
    head = TDRGHead(last, label_space(301), TDRGOptions(hidden=wide, feedforward=feedforward), earlier)
    state = {name: parameter.detach() for name, parameter in head.named_parameters()}
    fans = {
        "scales.earlier": earlier,
        "scales.last": last,
        "scales.coarse": 9 * last,
        "structural_classifier": 3 * wide,
        "activation": last,
        "transform": last,
        "guided": wide,
        "guidance": 3 * wide,
        "graph": 5 * wide,
        "update": 2 * wide,
        "classifier": 2 * wide,
    }
    for name, fan in fans.items():
        bound(state.pop(f"{name}.weight"), fan)
        bias = state.pop(f"{name}.bias", None)
        if bias is not None:
            bound(bias, fan)
    for name in ("rows", "columns"):
        vectors = state.pop(f"scales.places.{name}")
        assert vectors.min() >= 0 and vectors.max() <= 1 and vectors.mean() == pytest.approx(0.5, abs=0.05)
    assert state.pop("guidance_norm.weight").eq(1).all() and state.pop("guidance_norm.bias").eq(0).all()
    before: dict[str, Tensor] = {}
    for number in range(3):
        for name, fans_of in {
            "project": (wide, 3 * wide),
            "merge": (wide, wide),
            "expand": (wide, feedforward),
            "contract": (feedforward, wide),
        }.items():
            weight = state.pop(f"scales.layers.{number}.{name}.weight")
            bound(weight, sum(fans_of) / 6)  # Xavier: √(6 / (in + out))
            assert name not in before or not torch.equal(weight, before[name]), "drawn anew"
            before[name] = weight
            bias = state.pop(f"scales.layers.{number}.{name}.bias")
            if name in ("project", "merge"):
                assert bias.eq(0).all()
            else:
                assert torch.equal(bias, before.setdefault(f"{name}.bias", bias)), "the layers are copies"
                bound(bias, fans_of[0])
        for norm in ("attention_norm", "feedforward_norm"):
            assert state.pop(f"scales.layers.{number}.{norm}.weight").eq(1).all()
            assert state.pop(f"scales.layers.{number}.{norm}.bias").eq(0).all()
    assert not state


def test_a_width_that_the_attention_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(UserError, match=r"4 attention heads.*width of 10: give hidden .* a multiple of 4\.$"):
        seeded_head(METHODS["tdrg"], TDRGOptions().narrowed(20), label_space(), LAST, 0, EARLIER)
    with pytest.raises(UserError, match=r"'tdrg/hidden=10': .*do not divide 10: choose a multiple of 4"):
        parse_methods(("tdrg/hidden=10",))


def test_another_attention_is_refused() -> None:
    with pytest.raises(UserError, match=r"'tdrg/attention=images': .*'positions' or 'batch'"):
        parse_methods(("tdrg/attention=images",))
