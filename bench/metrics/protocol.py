"""The evaluation protocol: every choice that changes a metric, as one recorded object.

Published codes differ in these choices, so a number without its protocol cannot be compared. This
file imports next to nothing: the command line reads it to print help.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.resolve import resolve

ApRule = Literal["ap", "ap_voc2012", "ap_voc11"]
Difficult = Literal["ignored", "positive", "negative"]
ThresholdRule = Literal[">=", ">"]
ClassF1 = Literal["harmonic", "mean-of-classes"]
Unpredicted = Literal["zero", "zero-patched", "one"]
Top3 = Literal["over-threshold", "forced"]

_AP_WORDS: Final[dict[ApRule, str]] = {
    "ap": "AP not interpolated",
    "ap_voc2012": "AP interpolated (VOC2012)",
    "ap_voc11": "AP of 11 points (VOC2007)",
}
_UNPREDICTED_WORDS: Final[dict[Unpredicted, str]] = {
    "zero": "an unpredicted class is 0 in CP",
    "zero-patched": "an unpredicted class is 0 in CP and one prediction in OP",
    "one": "an unpredicted class is 1 in CP",
}


class Protocol(BaseModel):
    """How scores and labels become metrics. The defaults are this project's own protocol, `bench`.

    Two rules are the same in every protocol, because the published codes leave them undefined:
    images with equal scores have no order among themselves (they enter a ranking together), and a
    class without positives is left out of every mean over classes and reported. There the published
    codes give NaN (ML-GCN, ADD-GCN, SSGRL), or 0 in the mean AP and 0 or 1 in CR (SALGL,
    MultiLabelClassification).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ap: ApRule = "ap"
    """`ap`: mean of the precision at each positive. `ap_voc2012`: area under the monotone envelope of
    precision over recall. `ap_voc11`: mean of that envelope at the recalls 0, 0.1, ..., 1."""
    difficult_in_ap: Difficult = "ignored"
    """What a label 0 (only objects marked difficult) counts as in AP."""
    difficult_in_pr: Difficult = "ignored"
    """What it counts as in precision and recall. An ignored label may still hold one of the top 3 places."""
    threshold: float = Field(default=0.5, gt=0, lt=1)
    """On the probability; it is applied as log(p / (1 - p)) on the logit."""
    comparison: ThresholdRule = ">="
    """Whether a score on the threshold is a prediction."""
    cf1: ClassF1 = "harmonic"
    """`harmonic` mean of CP and CR, or the mean of the F1 of the classes."""
    unpredicted: Unpredicted = "zero"
    """A class that nobody predicts: `zero` in CP; `zero-patched`, 0 in CP with its count of predictions
    set to 1, which also enters the sum under OP; `one` in CP (0/0 clamped to eps/eps)."""
    top3: Top3 = "over-threshold"
    """The three highest that are also over the threshold, or the three highest whatever they score."""

    def describe(self) -> str:
        """One line for the header of a table: all that moves its numbers."""
        if self.difficult_in_ap == self.difficult_in_pr:
            difficult = f"difficult {self.difficult_in_ap} in AP and P/R"
        else:
            difficult = f"difficult {self.difficult_in_ap} in AP, {self.difficult_in_pr} in P/R"
        parts = (
            _AP_WORDS[self.ap],
            difficult,
            f"{'≥' if self.comparison == '>=' else '>'} {self.threshold:g}",
            "CF1 harmonic" if self.cf1 == "harmonic" else "CF1 mean of classes",
            f"top-3 {'over threshold' if self.top3 == 'over-threshold' else 'forced'}, ties by class order",
            _UNPREDICTED_WORDS[self.unpredicted],
        )
        return "; ".join(parts)


_ALL = (
    Protocol(name="bench"),
    # chenzhaomin123/ML_GCN 5517d6f, util.py: AP 228-248 (label 0 skipped, 240), logits >= 0 in 279-280,
    # a count of 0 predictions set to 1 before all sums 281-288, CF1 288, top-3 258-268.
    Protocol(name="ml-gcn", difficult_in_pr="negative", unpredicted="zero-patched"),
    # Yejin0111/ADD-GCN b7653fe, util.py: the same functions, AP 131-151, P/R 181-190, top-3 161-171.
    Protocol(name="add-gcn", difficult_in_pr="negative", unpredicted="zero-patched"),
    # iCVTEAM/TDRG 6ea0c9d: AP not interpolated; trainer.py calls the functions of ADD-GCN's util.py by their
    # names (overall, overall_topk), so the rest is inferred to be as there.
    Protocol(name="tdrg", difficult_in_pr="negative", unpredicted="zero-patched"),
    # HCPLab-SYSU/SSGRL ea47ccb: AP in utils/metrics.py 22-51; difficult objects are dropped by
    # datasets/voc07dataset.py 33-34, so they are negatives. Its code has no precision and recall: the
    # paper's COCO row (CP 89.9, CR 68.5, CF1 76.8) excludes the harmonic CF1; the forced top-3, the
    # strict 0.5 and the 0 of an unpredicted class are inferred from later code that follows it.
    Protocol(
        name="ssgrl",
        ap="ap_voc2012",
        difficult_in_ap="negative",
        difficult_in_pr="negative",
        comparison=">",
        cf1="mean-of-classes",
        top3="forced",
    ),
    # jasonseu/SALGL a77cab3, lib/metrics.py: AP 98-115 (evaluate.py 39 asks for year 2012), the mask of
    # difficult labels in AP 76-80 and P/R 194-198 and 214-218, >= 0.5 in 199-201 and 219-221, clamping
    # after the sums of OP and OR 138-146, top-3 185-189 (chosen before the mask is applied).
    Protocol(name="salgl", ap="ap_voc2012", unpredicted="one"),
    # jasonseu/MultiLabelClassification 834007d: lib/metrics.py, AP 28-58, clamping after the sums of OP
    # and OR, strict threshold, top-3 without one; scripts/voc2012.py drops difficult objects.
    Protocol(
        name="multilabelclassification",
        ap="ap_voc2012",
        difficult_in_ap="negative",
        difficult_in_pr="negative",
        comparison=">",
        unpredicted="one",
        top3="forced",
    ),
    # SlongLiu/query2labels 55eb050: voc_mAP with the envelope of precision, main_mlc.py. Its code has no
    # precision and recall, and reads COCO alone, which has no difficult labels: the rest is as in `bench`.
    Protocol(name="query2label", ap="ap_voc2012"),
    # QData/C-Tran 560cf6f: scikit-learn's average precision, precision and recall in utils/evaluate.py,
    # CF1 of the mean precision and recall, >= 0.5, top-3 over 0.5; difficult objects are dropped in
    # dataloaders/voc2007_20.py. With known labels its AP is that of the others, its P/R that of all; here
    # known labels are in neither.
    Protocol(name="c-tran", difficult_in_ap="negative", difficult_in_pr="negative"),
    # Kevinz-code/CSRA c8480d1, utils/evaluation: AP in cal_mAP.py, with label 0 of VOC skipped; cal_PR.py
    # skips it too, takes scores >= 0.5, sets a count of 0 predictions to 1, and keeps the three highest.
    Protocol(name="csra", unpredicted="zero-patched"),
    # Alibaba-MIIL/ML_Decoder 8a9e984, src_files/helper_functions/helper_functions.py: AP alone, not
    # interpolated; COCO has no difficult labels. The rest is this project's.
    Protocol(name="ml-decoder"),
)

PROTOCOLS: Final[dict[str, Protocol]] = {protocol.name: protocol for protocol in _ALL}
"""The project's own protocol, `bench`, and those of the published codes, by name."""


def resolve_protocol(name: str) -> Protocol:
    """The protocol of that name; UserError where there is none."""
    return resolve("protocol", name, PROTOCOLS)
