"""The contract itself: a method from outside passes it, and a broken one fails where it should."""

import pytest
import torch
from torch import Tensor, nn

from bench.methods.catalog import Method
from bench.methods.contract import CLASSES, MethodContract
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.scoring import linear_scores
from bench.methods.options import Options


class OwnOptions(Options):
    fault: str = "none"

    @property
    def uses_known_labels(self) -> bool:
        return self.fault == "no way to be told labels"


class OwnHead(Head):
    """One linear layer on the max-pooled map, which can be broken in many ways."""

    def __init__(self, feature_dim: int, labels: LabelSpace, options: OwnOptions) -> None:
        super().__init__()
        self.fault = options.fault
        self.score = nn.Linear(feature_dim, labels.num_classes)
        self.frequency: Tensor
        counts = torch.as_tensor(labels.counts, dtype=torch.float32)
        if self.fault != "frequency of a label that never occurs":
            counts = counts + 1
        self.register_buffer("frequency", torch.log(counts))
        self.seen = torch.zeros(labels.num_classes)
        match self.fault:
            case "a parameter without use":
                self.idle = nn.Parameter(torch.zeros(3, 3))
            case "a parameter that is not registered":
                self.hidden = [nn.Linear(feature_dim, labels.num_classes, bias=False)]
            case "only as many positions as the map had":
                self.position = nn.Parameter(torch.rand(12))
            case "the classes are numbered":
                self.register_buffer("number", torch.arange(labels.num_classes, dtype=torch.float32))
            case "a fixed number of classes":
                self.score = nn.Linear(feature_dim, CLASSES)
            case "random weights without the seed":
                generator = torch.Generator()
                generator.seed()
                self.score.weight.data.normal_(generator=generator)
            case "learns nothing":
                self.score.weight.data.zero_()
                self.score.weight.register_hook(lambda gradient: gradient * 1e-9)
                self.score.bias.requires_grad_(False)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        pooled = features.amax((2, 3))
        auxiliary = {"smooth": 1e-3 * self.score.weight.square().mean()} if self.training else {}
        views = {"pooled": pooled.detach()}
        match self.fault:
            case "the mean of the batch":
                pooled = pooled - pooled.mean(0)
            case "a parameter that is not registered":
                return HeadOutput(self.score(pooled) + self.hidden[0](pooled), auxiliary, views)
            case "only as many positions as the map had":
                pooled = (features.flatten(2) * self.position).mean(2)
            case "the classes are numbered":
                return HeadOutput(self.score(pooled) * self.number, auxiliary, views)
            case "state that is not stored":
                if self.training:
                    self.seen = self.seen + 1
                return HeadOutput(self.score(pooled) + self.seen, auxiliary, views)
            case "a memory that evaluation changes":
                self.frequency += 1
            case "an auxiliary loss in evaluation":
                auxiliary = {"smooth": self.score.weight.square().mean()}
            case "a view with a gradient":
                views = {"pooled": self.score(pooled)}
            case "half precision":
                return HeadOutput(self.score(pooled) * features.new_tensor(3e38) * 10, auxiliary, views)
            case "rounded scores":
                return HeadOutput(self.score(pooled) + self.frequency, auxiliary, views)
            case "a graph break":
                pooled = pooled if pooled.sum() > 0 else -pooled
        return HeadOutput(linear_scores(self.score, pooled) + self.frequency, auxiliary, views)


OWN = Method("own", "Own", "an outside method", "nobody", OwnOptions, f"{__name__}:OwnHead")


class TestOutsideMethod(MethodContract):
    method = OWN
    overfit_steps = 200


TESTS = [name for name in dir(MethodContract) if name.startswith("test_")]
SMALLEST = "test_the_smallest_batch_trains_and_a_smaller_one_is_refused"


def fails(fault: str, test: str) -> bool:
    """Whether a test of the contract fails for a method with a fault."""

    class Broken(MethodContract):
        method = OWN
        options = {"fault": fault}

    try:
        getattr(Broken(), test)()
    except Exception:
        return True
    return False


# Each fault, and words of the test that finds it.
FAULTS = [
    ("a fixed number of classes", "any_number_of_classes"),
    ("only as many positions as the map had", "any_size_of_map"),
    ("an auxiliary loss in evaluation", "auxiliary_terms"),
    ("a view with a gradient", "views"),
    ("the mean of the batch", "alone"),
    ("a parameter without use", "gradients_reach"),
    ("a parameter that is not registered", "and_no_other"),
    ("random weights without the seed", "equal_seeds"),
    ("a memory that evaluation changes", "evaluation_changes_nothing"),
    ("state that is not stored", "round_trip"),
    ("half precision", "half_precision"),
    ("rounded scores", "half_precision"),
    ("a graph break", "compiled"),
    ("a graph break", "exported"),
    ("frequency of a label that never occurs", "never_occurs"),
    ("the classes are numbered", "permutation"),
    ("no way to be told labels", "known_are_used"),
    ("learns nothing", "by_heart"),
]


def named(words: str) -> str:
    (name,) = [name for name in TESTS if words in name]
    return name


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_a_fault_fails_the_test_of_it(fault: str, words: str) -> None:
    assert fails(fault, named(words))


def test_every_test_of_the_contract_has_been_seen_to_fail() -> None:
    assert {named(words) for _, words in FAULTS} == set(TESTS) - {SMALLEST}


def test_a_batch_that_is_too_small_must_be_refused() -> None:
    class Boasts(TestOutsideMethod):
        smallest_batch = 2

    with pytest.raises(AssertionError, match="a batch of 1 trained: lower smallest_batch"):
        getattr(Boasts(), SMALLEST)()


class TwoMaps(Head):
    """Adds a linear layer on the earlier map, or ignores that map."""

    reads_earlier = True

    def __init__(self, feature_dim: int, labels: LabelSpace, options: OwnOptions, earlier_dim: int) -> None:
        super().__init__()
        self.ignores = options.fault == "ignores the earlier map"
        self.score = nn.Linear(feature_dim, labels.num_classes)
        self.score_earlier = nn.Linear(earlier_dim, labels.num_classes)

    def forward(
        self, features: Tensor, targets: Tensor | None = None, earlier: Tensor | None = None
    ) -> HeadOutput:
        assert earlier is not None and earlier.shape[2] == 2 * features.shape[2]
        before = earlier.new_zeros(len(earlier), earlier.shape[1]) if self.ignores else earlier.amax((2, 3))
        scores = linear_scores(self.score, features.amax((2, 3))), linear_scores(self.score_earlier, before)
        return HeadOutput(sum(scores), {}, {})


TWO = Method("two", "Two", "an outside method with two maps", "nobody", OwnOptions, f"{__name__}:TwoMaps")


class TestOutsideMethodWithTwoMaps(MethodContract):
    method = TWO
    overfit_steps = 200


def test_a_head_that_reads_two_maps_must_learn_from_both() -> None:
    class Ignores(MethodContract):
        method = TWO
        options = {"fault": "ignores the earlier map"}

    with pytest.raises(AssertionError):
        Ignores().test_gradients_reach_every_trainable_parameter_and_no_other()


class ToldTwoMaps(TwoMaps):
    """Reads two maps and can be told labels, of which it adds how many are present to every score."""

    def __init__(self, feature_dim: int, labels: LabelSpace, options: OwnOptions, earlier_dim: int) -> None:
        super().__init__(feature_dim, labels, options, earlier_dim)
        self.deaf = options.fault == "deaf"
        self.present = nn.Linear(1, labels.num_classes)

    def forward(
        self,
        features: Tensor,
        targets: Tensor | None = None,
        earlier: Tensor | None = None,
        given: Tensor | None = None,
    ) -> HeadOutput:
        if given is None and targets is not None and self.training:
            unknown = torch.rand_like(targets) < 0.5
            given = targets.masked_fill(unknown, -1)
        count = features.new_zeros(features.shape[0], 1)
        if given is not None and not self.deaf:
            count = (given == 1).sum(dim=1, keepdim=True).to(features.dtype)
        logits = super().forward(features, targets, earlier).logits + self.present(count)
        return HeadOutput(logits, {}, {}, None if given is None else given >= 0)


class ToldOptions(OwnOptions):
    @property
    def uses_known_labels(self) -> bool:
        return True


TOLD = Method("told", "Told", "an outside method", "nobody", ToldOptions, f"{__name__}:ToldTwoMaps")


class TestOutsideMethodWithTwoMapsThatIsToldLabels(MethodContract):
    method = TOLD
    overfit_steps = 200


def test_a_head_that_reads_two_maps_must_use_what_it_is_told() -> None:
    class Deaf(MethodContract):
        method = TOLD
        options = {"fault": "deaf"}

    with pytest.raises(AssertionError, match="changes no score of another label"):
        Deaf().test_labels_that_are_known_are_used_by_a_head_that_says_so()
