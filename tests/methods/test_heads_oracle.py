"""The heads against their published formulation: outputs, gradients, kept memory."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.methods.catalog import METHODS
from bench.methods.head import Head, HeadOutput
from bench.methods.layers import attention
from bench.methods.model import head_class
from bench.methods.options import Options
from bench.methods.published.formulation import FIXED, FORMULATIONS, formulation_of, weights_of
from bench.methods.small import EARLIER, earlier_map
from parity_weights import float64
from places import PARITY
from small_heads import CHANNELS, CLASSES, HIDDEN, SMALL, batch, build, label_space, loss_of

# Away from the defaults, alone and together.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("ssgrl", {}),
    ("ssgrl", {"steps": 1}),
    ("ssgrl", {"steps": 0, "pool": 1}),
    ("ssgrl", {"steps": 2, "pool": 1}),
    ("salgl", {}),
    ("salgl", {"soft": True, "self_loops": False, "positions": True}),
    ("salgl", {"soft": True, "outgoing": False, "steps": 2}),
    ("salgl", {"outgoing": False, "steps": 1, "normalize": False}),
    ("ml-gcn", {}),
    ("ml-gcn", {"tau": 0.2, "p": 0.4}),
    ("add-gcn", {}),
    ("csra", {}),
    ("csra", {"heads": 4, "lam": 0.5}),
    ("csra", {"heads": 8, "lam": 0.0}),
    ("csra", {"temperatures": [99, 0.5]}),
    ("tdrg", {}),
    ("tdrg", {"attention": "batch"}),
    ("query2label", {}),
    ("query2label", {"project": True, "width": HIDDEN, "heads": 2}),
    ("ml-decoder", {}),
    ("ml-decoder", {"groups": 3, "heads": 2}),  # three classes of a group, of which the last has one
    ("ml-decoder", {"groups": 5}),  # two each, so that the last group has none
    ("c-tran", {}),
    ("c-tran", {"heads": 2}),
    ("c-tran", {"known": 0}),
    ("salgl", {"steps": 0, "scenes": 1, "sample_entropy_weight": 2.0, "batch_entropy_weight": 0.5}),
]


def options_of(method: str, options: dict[str, Any]) -> Any:
    narrow = {} if method == "csra" else SMALL[method][1]
    if method == "c-tran":
        narrow = {**narrow, "layers": 3}  # as many as published
    return METHODS[method].options(**{**narrow, **options})


def pair(method: str, options: dict[str, Any]) -> tuple[Head, Head]:
    """Our head and the published formulation, with the same weights, in double precision."""
    torch.manual_seed(0)
    with float64():  # what is built from the labels too
        published = built(FORMULATIONS[method], options_of(method, options))
        ours = built(head_class(METHODS[method]), options_of(method, options))
    state = ours.state_dict()
    converted = weights_of(method, published.state_dict())
    # Without a step we have no graph network, over a batch no places, and without label mask training no
    # states; published codes have them unused.
    unused = ("graph_network.", "scales.places.", "states.")
    assert all(name.startswith(unused) for name in converted.keys() - state.keys())
    ours.load_state_dict(state | {name: converted[name] for name in converted.keys() & state.keys()})
    return ours.train(), published.train()


def built(head: type[Head], options: Options) -> Head:
    return head(CHANNELS, label_space(), options, *([EARLIER] if head.reads_earlier else []))


def step(head: Head, features: Tensor, targets: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A training step: what comes out, and the gradient at each parameter, zero where there is none."""
    head.zero_grad()
    torch.manual_seed(4)  # C-Tran draws which labels it is told
    features = features.clone().requires_grad_()
    output = score(head, features, targets)
    loss_of(output, targets).backward()
    assert features.grad is not None
    views = {name: view.flatten(2) if name == "attention" else view for name, view in output.views.items()}
    found = {"logits": output.logits, "features": features.grad, **output.auxiliary, **views}
    parameters = dict(head.named_parameters())
    return found, {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in parameters.items()}


def score(head: Head, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
    """What a head makes of features; one that reads two maps gets the other from these, with its gradient."""
    beside = {"earlier": earlier_map(features)} if head.reads_earlier else {}
    output: HeadOutput = head(features, targets, **beside)
    return output


IMAGES = 3
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize("labels_at_once", [1, 3])  # on the larger map
@pytest.mark.parametrize("size", [(2, 2), (3, 4)], ids=["few positions", "many positions"])
@pytest.mark.parametrize(("method", "options"), VARIANTS, ids=str)
def test_our_heads_are_the_published_formulation(
    method: str,
    options: dict[str, Any],
    size: tuple[int, int],
    labels_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attention, "NUMBERS_AT_ONCE_ON_CPU", labels_at_once * IMAGES * 12 * HIDDEN)
    ours, published = pair(method, options)
    if method == "tdrg":  # whose third scale is a convolution of 3 × 3 positions without padding
        size = size[0] + 1, size[1] + 1
    features, targets = (tensor.double() for tensor in batch(IMAGES, hw=size))
    # No two positions alike: the gradient of a maximum goes to one of them or to all. Where all are zero, as
    # behind a ReLU, that makes no difference to what is before it.
    features += 0.01 * torch.rand(features.shape, generator=torch.Generator().manual_seed(3)).double()
    for _ in range(2):  # the second finds what the first left in SALGL's memory
        found, gradients = step(ours, features, targets)
        expected, published_gradients = step(published, features, targets)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, **CLOSE, msg=name)
        converted = weights_of(method, published.state_dict() | published_gradients)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, converted[name], **CLOSE, msg=name)
        if method == "salgl":
            memory = ours.state_dict()["cooccurrence"]
            torch.testing.assert_close(memory, converted["cooccurrence"], rtol=1e-12, atol=0)
        features = features.flip(0) + 0.1
    with torch.no_grad():
        scored = [score(head.eval(), features).logits for head in (ours, published)]
    torch.testing.assert_close(*scored, **CLOSE)


@pytest.mark.parametrize(
    "case", ["ml-gcn", "ssgrl", "add-gcn", "salgl", "tdrg", "query2label", "ml-decoder", "c-tran"]
)
def test_the_formulation_has_the_names_of_the_published_checkpoint(case: str) -> None:
    published = built(FORMULATIONS[case], options_of(case, {}))
    manifest = json.loads((PARITY / f"{case}_c20.manifest.json").read_text())
    # A position encoding of one size of map, which is computed here for any.
    assert published.state_dict().keys() == manifest.keys() - {"backbone.1.pe"}


def test_csra_s_formulation_has_a_name_for_each_head() -> None:
    published = FORMULATIONS["csra"](CHANNELS, label_space(), options_of("csra", {"heads": 4}))
    shapes = {name: tuple(tensor.shape) for name, tensor in published.state_dict().items()}
    names = [f"csra_heads.{number}.head.weight" for number in range(4)]
    assert shapes == dict.fromkeys(names, (CLASSES, CHANNELS, 1, 1))


OTHERS = {
    "layers": 1,
    "nodes": "conv",
    "maps": "gap-cls",
    "graph": "none",
    "representation": "sum",
    "encoder_layers": 2,
    "decoder_layers": 1,
    "positions": True,
}


@pytest.mark.parametrize("method", FIXED)
def test_an_option_that_the_published_code_lacks_has_no_formulation(method: str) -> None:
    options: Options = options_of(method, {})
    assert formulation_of(method, options) is FORMULATIONS[method]
    for name, value in FIXED[method].items():
        assert METHODS[method].options.model_fields[name].default == value
        assert formulation_of(method, options.model_copy(update={name: OTHERS[name]})) is None
    assert formulation_of("resnet", METHODS["resnet"].options()) is None


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("ssgrl", {"steps": 1}),
        ("ssgrl", {"pool": 1}),
        ("salgl", {"steps": 1}),
        ("salgl", {"soft": True}),
        ("salgl", {"self_loops": False}),
        ("salgl", {"normalize": False}),
        ("salgl", {"positions": True}),
    ],
    ids=str,
)
def test_an_option_changes_what_the_same_weights_score(method: str, options: dict[str, Any]) -> None:
    head = build(method)
    features, targets = batch()
    head.train()(features, targets)
    other = head_class(METHODS[method])(CHANNELS, label_space(), options_of(method, options))
    other.load_state_dict(head.state_dict())
    logits, changed = head.eval()(features).logits, other.eval()(features).logits
    assert logits.shape == changed.shape == (4, CLASSES)
    assert (logits - changed).abs().max() > 1e-5


def test_messages_along_the_edges_alone_take_half_the_layer() -> None:
    shapes = {
        outgoing: dict(build_salgl(outgoing=outgoing).named_parameters())[
            "graph_network.from_messages.weight"
        ].shape
        for outgoing in (True, False)
    }
    assert shapes == {True: (3 * CHANNELS, 2 * CHANNELS), False: (3 * CHANNELS, CHANNELS)}


def build_salgl(**options: Any) -> Head:
    return head_class(METHODS["salgl"])(CHANNELS, label_space(), options_of("salgl", options))
