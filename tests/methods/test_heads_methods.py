"""What each head promises beyond the contract of all heads."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bench.errors import UserError
from bench.methods.options import SALGLOptions, SSGRLOptions
from bench.methods.salgl import SALGLHead, scene_entropies
from bench.methods.ssgrl import SSGRLHead
from small_heads import CHANNELS, CLASSES, HIDDEN, SCENES, batch, build, label_space, loss_of, trained


def test_ssgrl_pools_the_map_and_keeps_its_border() -> None:
    head = build("ssgrl").eval()
    even = torch.rand(1, CHANNELS, 4, 6)
    pooled = F.avg_pool2d(even, 2)
    unpooled = SSGRLHead(CHANNELS, label_space(), SSGRLOptions(hidden=HIDDEN, pool=1)).eval()
    unpooled.load_state_dict(head.state_dict())
    torch.testing.assert_close(head(even).logits, unpooled(pooled).logits)
    odd = torch.rand(1, CHANNELS, 3, 5)
    assert head(odd).views["attention"].shape == (1, CLASSES, 2, 3)
    changed = odd.clone()
    changed[..., -1, -1] += 1
    assert not torch.equal(head(odd).logits, head(changed).logits)


def test_addgcn_averages_its_two_scores() -> None:
    output = trained("add-gcn")(batch()[0])
    torch.testing.assert_close(output.logits, (output.views["s_m"] + output.views["s_r"]) / 2)


@pytest.mark.parametrize("soft", [False, True])
def test_salgl_memory_adds_each_image_to_its_scenes(soft: bool) -> None:
    head = build("salgl-soft" if soft else "salgl").train()
    assert isinstance(head, SALGLHead)
    expected = torch.zeros(SCENES, CLASSES, CLASSES)
    for seed in range(3):
        torch.manual_seed(seed)
        features, targets = torch.rand(4, CHANNELS, 2, 2), (torch.rand(4, CLASSES) < 0.5).float()
        probs = head(features, targets).views["scene_probs"]
        for image in range(4):
            pairs = torch.outer(targets[image], targets[image])
            if soft:
                expected += probs[image, :, None, None] * pairs
            else:
                expected[probs[image].argmax()] += pairs
    torch.testing.assert_close(head.state_dict()["cooccurrence"], expected)
    assert not head.cooccurrence.requires_grad


def test_salgl_memory_is_left_alone_without_targets_and_in_evaluation() -> None:
    head = trained("salgl")
    features, targets = batch()
    before = head.state_dict()["cooccurrence"].clone()
    assert before.any()
    head.train()(features)
    head.eval()(features, targets)
    assert torch.equal(head.state_dict()["cooccurrence"], before)


def test_salgl_memory_counts_exactly_in_half_precision() -> None:
    head = build("salgl").train()
    features, targets = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for _ in range(300):
            with torch.no_grad():
                head(features, targets.bfloat16())
    torch.testing.assert_close(head.state_dict()["cooccurrence"].sum(dim=0), 300 * targets.T @ targets)


def test_salgl_graph_sees_the_images_of_the_same_step() -> None:
    head = build("salgl").train()
    targets = torch.zeros(1, CLASSES)
    targets[0, [1, 4]] = 1
    graph = head(torch.rand(1, CHANNELS, 2, 2), targets).views["graph"]
    assert graph[0, 1, 4] == pytest.approx(0.5)
    assert graph[0, 1, 1] == pytest.approx(0.5)
    assert graph.sum() == pytest.approx(2)


@pytest.mark.parametrize(("name", "reached"), [("salgl", False), ("salgl-soft", True)])
def test_salgl_logits_train_the_scene_classifier_in_soft_mode_only(name: str, reached: bool) -> None:
    head = build(name).train()
    features, targets = batch()
    F.binary_cross_entropy_with_logits(head(features, targets).logits, targets).backward()
    gradient = dict(head.named_parameters())["scene.weight"].grad
    assert (gradient is not None and bool(gradient.any())) == reached


def test_salgl_two_training_steps_do_not_share_a_graph() -> None:
    head = build("salgl-soft").train()
    features, targets = batch()
    for _ in range(2):
        loss_of(head(features, targets), targets).backward()


def test_salgl_entropies_are_weighted_and_bounded() -> None:
    even, sure = torch.full((6, SCENES), 1 / SCENES), torch.eye(SCENES).repeat(2, 1)
    assert [float(term) for term in scene_entropies(even)] == pytest.approx([np.log(SCENES), 0], abs=1e-4)
    assert [float(term) for term in scene_entropies(sure)] == pytest.approx([0, 0], abs=1e-4)
    one = sure[:1].repeat(6, 1)
    assert [float(term) for term in scene_entropies(one)] == pytest.approx(
        [0, 100 * np.log(SCENES)], abs=1e-3
    )
    head = SALGLHead(
        CHANNELS, label_space(), SALGLOptions(dropout=0, sample_entropy_weight=0.5, batch_entropy_weight=3)
    )
    with torch.no_grad():
        output = head(*batch())
    auxiliary = output.auxiliary
    sample, spread = scene_entropies(output.views["scene_probs"])
    assert float(auxiliary["scene_sample_entropy"]) == pytest.approx(0.5 * float(sample))
    assert float(auxiliary["scene_batch_entropy"]) == pytest.approx(3 * float(spread))


def test_salgl_refuses_channels_that_its_attention_heads_do_not_divide() -> None:
    with pytest.raises(UserError, match=r"20 channels.*multiple of 8"):
        SALGLHead(20, label_space(), SALGLOptions())
