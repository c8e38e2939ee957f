"""All that is measured of a GPU in the minutes that there are: the most telling first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import NamedTuple

import torch

from bench.errors import cut, one_line
from bench.experiment.methods import MethodChoice, parse_methods
from bench.experiment.schedule import Precision
from bench.profile.gpu import Bench, Case, Found, Mode, Until, best_batch, measure
from bench.profile.gpu_agreement import Agreement, Apart
from bench.profile.precision import measure_product
from bench.profile.report import Figure

BASELINE = "resnet"
# Aims: of the baseline's images per second, what a method trains at; what a small batch, compiled, has of the
# best batch's; and the baseline's milliseconds per image where the network is the published one.
OF_BASELINE, OF_BASELINE_BY = 0.85, {"salgl": 0.75}
OF_BEST_BATCH = 0.8
PUBLISHED, BASELINE_MS = ("resnet101", 448, "bf16"), 1000 / 550
# A product that a large GPU is busy with.
PRODUCT = (8192, 8192, 8192)
UNIT = "ms per image"
MODES: tuple[Mode, ...] = ("eager", "compiled", "graphs")


class Plan(NamedTuple):
    """What is asked for.

    Attributes:
        methods: which; the baseline is measured first, asked for or not.
        sides: of the images, pixels.
        batch: images, beside which the best batch is found.
        repeats: of each measurement.
        precisions: which.
        product: the matrix product that rates are held against.
    """

    methods: tuple[MethodChoice, ...]
    sides: tuple[int, ...]
    batch: int
    repeats: int
    precisions: tuple[Precision, ...] = ("bf16", "fp32")
    product: tuple[int, int, int] = PRODUCT


class Session:
    """Measures a plan until the time is over.

    Each case is measured whole, one after the other, with nothing else on the device, so that its memory is
    its own; so what is said of two cases beside each other includes what the device's clock did in between.

    Attributes:
        figures: what was measured so far.
        left_out: what was not begun, or did not fit the memory, in words.
    """

    def __init__(self, bench: Bench, plan: Plan, until: Until, show: Callable[[str], None]) -> None:
        """Prepare it; `show` is told what begins."""
        self._bench = bench
        others = [choice for choice in plan.methods if choice.label() != BASELINE]
        self._methods = [*parse_methods((BASELINE,)), *others]
        self._plan = plan
        self._until = until
        self._show = show
        self._found: dict[str, Found] = {}  # by the title of the case, as is the best batch
        self._best: dict[str, int] = {}
        self.figures: list[Figure] = []
        self.left_out: list[str] = []

    def run(self) -> None:
        """Measure everything."""
        self._products = self._measure_products()
        for choice in self._methods:
            agreement = Agreement(self._bench, choice, self._plan.sides[0])
            for precision in self._plan.precisions:
                what = f"{choice.label()} against the CPU, {precision}"
                self._begin(what, self._compare, agreement, precision)
        for first in (True, False):
            for mode in MODES:
                for case in self._cases(mode, first):
                    measured = self._measure_with_best if mode == "eager" else self._measure
                    self._begin(case.title(), measured, case)

    def _cases(self, mode: Mode, first: bool) -> Iterator[Case]:
        """All models in a mode: at the first size in the first precision, or else in all other ways."""
        ways = [(side, precision) for side in self._plan.sides for precision in self._plan.precisions]
        for side, precision in ways[:1] if first else ways[1:]:
            for choice in self._methods:
                yield Case(choice, side, self._plan.batch, precision, mode)

    def _begin(self, what: str, do: Callable[..., None], *arguments: object) -> None:
        if self._until.over():
            self.left_out.append(what)
            return
        self._show(what)
        try:
            do(*arguments)
        except torch.OutOfMemoryError:
            self.left_out.append(f"{what} (does not fit the memory)")
        except Exception as error:  # of a compiler, say: the rest is worth its minutes
            self.left_out.append(f"{what} ({type(error).__name__}: {cut(one_line(error))})")
        torch.cuda.empty_cache()

    def _measure_products(self) -> dict[Precision, float]:
        """Operations per second of a matrix product; of float32 in TF32, as convolutions compute there."""
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            rates = measure_product(self._bench.device, self._plan.repeats, self._plan.product)
        finally:
            torch.set_float32_matmul_precision(before)
        return {"fp32": rates.flops * median(rates.fp32), "bf16": rates.flops * median(rates.bf16)}

    def _compare(self, agreement: Agreement, precision: Precision) -> None:
        model = f"{agreement.choice.label()} at {agreement.side}, {precision}"
        whats = ("logits", "head's gradients", "backbone's gradients")
        for what, value, most in zip(whats, agreement.apart(precision), Apart.most(precision), strict=True):
            self.figures.append(
                Figure(
                    what=f"{model}: {what} against the CPU's in float32",
                    unit="relative difference",
                    values=(value,),
                    most=most,
                )
            )

    def _measure_with_best(self, case: Case) -> None:
        self._measure(case)

        def rate(batch: int) -> float:
            # Beyond the time, the batch that was best so far is.
            if self._until.over():
                return 0.0
            found = self._find(replace(case, batch=batch))
            return batch / median(found.training)

        best = self._best[case.title()] = best_batch(rate, case.batch)
        if best != case.batch:
            self._measure(replace(case, batch=best))

    def _find(self, case: Case) -> Found:
        if case.title() not in self._found:
            self._found[case.title()] = measure(self._bench, case, self._plan.repeats)
        return self._found[case.title()]

    def _measure(self, case: Case) -> None:
        found = self._find(case)
        training, inference = (
            tuple(1e3 * seconds / case.batch for seconds in times)
            for times in (found.training, found.inference)
        )
        plain = Figure(
            what=f"{case.title()}: training", unit=UNIT, values=training, bound=self._bound(case, found)
        )
        self.figures.append(plain.model_copy(update=self._aim(case)))
        self.figures.append(Figure(what=f"{case.title()}: inference", unit=UNIT, values=inference))

    def _bound(self, case: Case, found: Found) -> str:
        """What the training step reaches of what bounds it."""
        product = self._products[case.precision]
        idle = "" if found.idle is None else f", the device idle {found.idle:.0%} of a step"
        return (
            f"a matrix product, {product / 1e12:.3g} TFLOP/s, of which it reaches "
            f"{found.share(case.batch, product):.0%}; {found.peak / 1e9:.2f} GB at most, the head "
            f"{found.head:.0%} of the forward pass{idle}"
        )

    def _aim(self, case: Case) -> dict[str, object]:
        """What a training step is held against, and what is aimed at."""
        if case.mode != "eager":
            eager = replace(case, mode="eager")
            best = replace(eager, batch=self._best.get(eager.title(), case.batch))
            return self._beside(best, f"the batch of {best.batch}, eager", OF_BEST_BATCH)
        if case.method.label() != BASELINE:
            least = OF_BASELINE_BY.get(case.method.name, OF_BASELINE)
            return self._beside(replace(case, method=self._methods[0]), "the baseline", least)
        published = (self._bench.backbone, case.side, case.precision) == PUBLISHED
        return {"most": BASELINE_MS} if published and case.batch > self._plan.batch else {}

    def _beside(self, case: Case, against: str, least: float) -> dict[str, object]:
        if case.title() not in self._found:
            return {}
        beside = tuple(1e3 * seconds / case.batch for seconds in self._found[case.title()].training)
        return {"against": against, "beside": beside, "least": least}
