"""What every method must do, as tests that a subclass inherits.

In a test module, of this project or of one that installs it, this is enough:

    class TestMyMethod(MethodContract):
        method = MY_METHOD
        options = {"hidden": 12, "dropout": 0}

The tests take seconds, most of them for tracing by `torch.compile` and `torch.export`, and need no files.
A head that reads two maps is given both in every one of them.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from bench.methods.catalog import Method
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.small import (
    CHANNELS,
    CLASSES,
    MAP,
    WIDTH,
    BesideEarlier,
    batch,
    earlier_map,
    label_space,
    new_head,
)
from bench.metrics.average_precision import average_precision
from bench.metrics.protocol import PROTOCOLS

# Images whose scores are seen to differ: of so many in half precision some of each class tie.
MANY = 64
# Tests of a method take these from here.
__all__ = ["CHANNELS", "CLASSES", "WIDTH", "MethodContract", "batch", "label_space", "loss_of", "train_once"]


def loss_of(output: HeadOutput, targets: Tensor) -> Tensor:
    """The loss that the training minimises: binary cross-entropy and the auxiliary terms.

    Labels that the head was told give none. It is computed in float32, or in float64 where the logits are.
    """
    logits = output.logits.to(torch.promote_types(output.logits.dtype, torch.float32))
    if output.known is not None:
        logits, targets = logits[~output.known], targets[~output.known]
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    return loss + sum(output.auxiliary.values(), torch.zeros(()))


def train_once(head: Head, features: Tensor, targets: Tensor, seed: int = 2) -> HeadOutput:
    """One forward and backward pass in training; the random numbers drawn are those of `seed`."""
    head.train().zero_grad()
    torch.manual_seed(seed)
    output: HeadOutput = head(features, targets)
    torch.autograd.backward(loss_of(output, targets))
    return output


class MethodContract:
    """The contract of a method: subclass it, and set what follows.

    Attributes:
        method: the entry of the method, as `bench.methods.catalog.METHODS` holds the built-in ones.
        options: its options for these tests. Small widths make them fast; no width may be `CLASSES`, and
            dropout is switched off.
        overfit_steps: within how many optimiser steps on 16 images mAP on them is 1.
        smallest_batch: images that a training step needs at least; more than 1 only where a step on one
            image makes no sense, as with batch statistics. Evaluation takes one image always.
    """

    method: ClassVar[Method]
    options: ClassVar[Mapping[str, object]] = {}
    overfit_steps: ClassVar[int] = 80
    smallest_batch: ClassVar[int] = 1

    def build(self, labels: LabelSpace | None = None, seed: int = 0) -> Head:
        """A new head for features with `CHANNELS` channels."""
        return new_head(self.method, self.options, labels, seed)

    def trained(self) -> Head:
        """A head that has seen a batch, so that statistics and memories are no longer at their start."""
        head = self.build()
        train_once(head, *batch())
        head.zero_grad()
        return head.eval()

    def permuted_state(self, state: dict[str, Tensor], order: list[int]) -> dict[str, Tensor]:
        """The state that belongs to another order of the classes: every axis of length `CLASSES` permuted."""
        return {name: _reordered(value, order) for name, value in state.items()}

    def test_any_number_of_classes_and_any_size_of_map(self) -> None:
        """From 1 class to 31, from one position up, not only square; training with and without targets."""
        cases = [(CLASSES, hw) for hw in ((1, 1), (1, 5), MAP, (7, 3))]
        for classes, hw in [*cases, (1, MAP), (2, MAP), (31, MAP)]:
            head = self.build(label_space(classes)).train()
            features, targets = batch(4, classes, hw)
            for output in (head(features, targets), head(features), head.eval()(features)):
                case = f"{classes} classes, map {hw}"
                assert output.logits.shape == (4, classes), f"{tuple(output.logits.shape)} for {case}"
                assert torch.isfinite(output.logits).all(), f"not finite for {case}"

    def test_auxiliary_terms_are_scalars_of_the_training_and_views_take_no_gradient(self) -> None:
        """The rest of `HeadOutput`: what is added to the loss, and what can be looked at."""
        head = self.build().train()
        training, evaluation = head(*batch()), head.eval()(batch()[0])
        assert evaluation.auxiliary == {}, f"in evaluation: {sorted(evaluation.auxiliary)}"
        for name, term in training.auxiliary.items():
            assert term.ndim == 0 and torch.isfinite(term), f"{name}: {term}"
        for output in (training, evaluation):
            attached = [name for name, view in output.views.items() if view.requires_grad]
            assert not attached, f"views to be detached: {attached}"

    def test_an_image_is_scored_alone_as_in_a_batch(self) -> None:
        """In evaluation an image's scores do not depend on the images beside it."""
        head, (features, _) = self.trained(), batch()
        with torch.no_grad():
            together = head(features).logits
            alone = torch.cat([head(image[None]).logits for image in features])
        torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)

    def test_the_smallest_batch_trains_and_a_smaller_one_is_refused(self) -> None:
        """A batch of `smallest_batch` trains; with fewer images there is an error and not a wrong result."""
        head = self.build()
        output = train_once(head, *batch(self.smallest_batch))
        assert output.logits.shape == (self.smallest_batch, CLASSES)
        _check_gradients(head)
        if self.smallest_batch > 1:
            try:
                train_once(head, *batch(self.smallest_batch - 1))
            except ValueError:
                return
            raise AssertionError(f"a batch of {self.smallest_batch - 1} trained: lower smallest_batch")

    def test_gradients_reach_every_trainable_parameter_and_no_other(self) -> None:
        """Every parameter learns and the features too; a buffer or a frozen parameter does not."""
        head, (features, targets) = self.build(), batch()
        features.requires_grad_()
        train_once(head, features, targets)
        _check_gradients(head)
        assert features.grad is not None and features.grad.any(), "no gradient reaches the features"
        if isinstance(head, BesideEarlier):
            earlier = earlier_map(features.detach()).requires_grad_()
            torch.autograd.backward(loss_of(head.head(features, targets, earlier=earlier), targets))
            assert earlier.grad is not None and earlier.grad.any(), "no gradient reaches the earlier map"
        frozen = self.build().requires_grad_(False).train()
        output = frozen(*batch())
        learns = [name for name, term in output.auxiliary.items() if term.requires_grad]
        assert not output.logits.requires_grad and not learns, "something outside parameters() is trained"

    def test_equal_seeds_give_equal_outputs_and_gradients(self) -> None:
        """To the last bit, after construction and after a training step."""
        first, second = self.build(seed=3), self.build(seed=3)
        _assert_equal_states(first, second)
        logits = [train_once(head, *batch()).logits for head in (first, second)]
        assert torch.equal(*logits), "the logits differ"
        for (name, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
            assert one.grad is None or (other.grad is not None and torch.equal(one.grad, other.grad)), name
        _assert_equal_states(first, second)

    def test_evaluation_changes_nothing_and_the_state_makes_the_round_trip(self) -> None:
        """The state dict holds all that the scores depend on, and only training changes it."""
        head, (features, targets) = self.trained(), batch()
        before = deepcopy(head)
        with torch.no_grad():
            logits = head(features).logits
            assert torch.equal(head(features, targets).logits, logits), "targets change the evaluation"
        _assert_equal_states(head, before)
        other = self.build(seed=1)
        # Through the format of the checkpoints, which takes no tensors that share memory.
        state = {name: value.contiguous() for name, value in head.state_dict().items()}
        other.load_state_dict(load(save(state)))
        with torch.no_grad():
            assert torch.equal(other.eval()(features).logits, logits), "the state does not hold everything"
            other.train().eval()
            assert torch.equal(other(features).logits, logits), "train() and eval() leave a trace"

    def test_half_precision_stays_finite_and_near(self) -> None:
        """Training and evaluation under bfloat16 autocast."""
        head, (features, targets) = self.build(), batch()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = train_once(head, features.bfloat16(), targets)
        assert torch.isfinite(loss_of(output, targets)), "the loss is not finite"
        _check_gradients(head)
        head.eval()
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
            half = head(features.bfloat16()).logits
            many = head(batch(MANY)[0].bfloat16()).logits
        ties = max(MANY - len(scores.unique()) for scores in many.mT)
        assert ties <= 1, f"{ties} of {MANY} scores tie: compute them within `exactly` (layers/scoring.py)"
        torch.testing.assert_close(half.float(), head(features).logits, rtol=0.1, atol=0.1)

    def test_compiled_training_is_the_plain_one(self) -> None:
        """Logits, gradients and state after a step; the head is one graph, without a break."""
        torch.compiler.reset()  # the code that other subclasses share counts as recompiled for them
        head = self.trained()
        other = deepcopy(head)
        other.compile(backend="aot_eager", fullgraph=True)
        plain, traced = train_once(head, *batch()), train_once(other, *batch())
        torch.testing.assert_close(traced.logits, plain.logits)
        for (name, one), same in zip(head.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(same.grad, one.grad, msg=name)
        torch.testing.assert_close(other.state_dict(), head.state_dict())

    def test_exported_evaluation_is_the_plain_one_for_any_batch(self) -> None:
        """The exported head takes batches of another size than the one it was traced with."""
        head = self.trained()
        # Not a named dimension: PyTorch 2.11 refuses one where a batch as large as the classes is a case of
        # its own.
        sizes = {"features": {0: torch.export.Dim.AUTO}}
        exported = torch.export.export(head, (batch()[0],), dynamic_shapes=sizes).module()
        for size in (4, 6):
            features, _ = batch(size)
            torch.testing.assert_close(exported(features).logits, head(features).logits)

    def test_a_label_that_never_occurs_has_a_finite_logit(self) -> None:
        """Nothing is divided by the count of a label that no training image has."""
        head, (features, targets) = self.build(label_space(never=2)), batch()
        targets[:, 2] = 0
        assert torch.isfinite(train_once(head, features, targets).logits).all()
        assert torch.isfinite(head.eval()(features).logits).all()

    def test_a_permutation_of_the_classes_permutes_the_logits(self) -> None:
        """No class is special: what is built from the labels, and the scores, follow their order."""
        order = [3, 0, 6, 1, 5, 2, 4]
        fresh, other = self.build(), self.build(_permuted(label_space(), order))
        # What a head builds from the labels follows their order.
        built = self.permuted_state(dict(fresh.named_buffers()), order)
        torch.testing.assert_close(dict(other.named_buffers()), built)
        head, (features, _) = self.trained(), batch()
        other.load_state_dict(self.permuted_state(head.state_dict(), order))
        logits = other.eval()(features).logits
        torch.testing.assert_close(logits, head(features).logits[:, order], rtol=1e-4, atol=1e-5)

    def test_labels_that_are_known_are_used_by_a_head_that_says_so(self) -> None:
        """Told nothing it scores as ever; told labels it scores others otherwise, and says which it knew."""
        if not self.method.options(**self.options).uses_known_labels:
            return
        head, (features, targets) = self.trained(), batch()
        unknown = torch.full_like(targets, -1)
        given = torch.where(torch.arange(CLASSES) < CLASSES // 2, targets, unknown)
        with torch.no_grad():
            plain, untold = head(features), head(features, given=unknown)
            told = head(features, given=given)
            opposite = head(features, given=torch.where(given >= 0, 1 - given, given))
        assert plain.known is None, "labels that nobody gave are known"
        torch.testing.assert_close(untold.logits, plain.logits)
        assert told.known is not None and torch.equal(told.known, given >= 0), "known is not what was given"
        changed = (told.logits - opposite.logits)[:, CLASSES // 2 :]
        assert changed.abs().max() > 1e-6, "what is known changes no score of another label"
        trained = train_once(self.build(), *batch(16))
        assert trained.known is not None and trained.known.dtype == torch.bool and trained.known.any()

    def test_sixteen_images_are_learned_by_heart(self) -> None:
        """The features of the images stay as they are: the backbone is no part of a method."""
        head, (features, targets) = self.build(), batch(16)
        assert _map(head, features, targets) < 1
        optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
        for step in range(1, self.overfit_steps + 1):
            train_once(head, features, targets, seed=step)
            optimizer.step()
            if step % 10 == 0 and _map(head, features, targets) == 1:
                return
        found = _map(head, features, targets)
        assert found == 1, f"mAP {found:.3f} after {self.overfit_steps} steps"


def _check_gradients(head: nn.Module) -> None:
    for name, parameter in head.named_parameters():
        gradient = parameter.grad
        if not parameter.requires_grad:
            assert gradient is None, f"{name} is frozen and has a gradient"
            continue
        assert gradient is not None, f"no gradient reaches {name}"
        assert torch.isfinite(gradient).all(), f"the gradient of {name} is not finite"
        # The gradient of a bias can be zero for good reason: before a softmax or a normalisation.
        assert gradient.ndim < 2 or gradient.any(), f"the gradient of {name} is zero"
    for name, buffer in head.named_buffers():
        assert not buffer.requires_grad and buffer.grad is None, f"the buffer {name} has a gradient"


def _assert_equal_states(one: nn.Module, other: nn.Module) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different, f"these differ: {different}"


def _map(head: Head, features: Tensor, targets: Tensor) -> float:
    with torch.no_grad():
        logits = head.eval()(features).logits
    labels = (2 * targets - 1).numpy().astype(np.int64)
    return float(np.nanmean(average_precision(logits.numpy(), labels, PROTOCOLS["bench"])))


def _permuted(labels: LabelSpace, order: list[int]) -> LabelSpace:
    return LabelSpace(
        tuple(labels.names[i] for i in order),
        labels.vectors[order],
        labels.counts[order],
        labels.cooccurrence[np.ix_(order, order)],
        labels.num_images,
    )


def _reordered(value: Tensor, order: list[int]) -> Tensor:
    for axis, size in enumerate(value.shape):
        if size == CLASSES:
            value = value.index_select(axis, torch.tensor(order))
    return value
