"""One run: everything that changes its result, hashed to its identity."""

from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.datasets.info import EvaluatedOn
from bench.experiment.methods import MethodChoice, options_of
from bench.experiment.schedule import Schedule
from bench.experiment.start import InitFrom
from bench.experiment.tuned import Tuned
from bench.files import canonical_json
from bench.methods.options import Options
from bench.metrics.protocol import Protocol

# Raised when the same cell would train to another result, so that older records are not taken for it.
RECIPE = 3
# What older records, which keep their identity, are silent of: fields of a run and of its schedule.
_SINCE_3 = frozenset({"split", "tuned"}), frozenset({"select_on", "decay_vectors"})
# Fields of a schedule that came later. At their default they change nothing, and are left out of the hash.
_LATER = frozenset(
    {"ema_beside", "normalize", "crop_scale", "reduction", "evaluate_at"}
    | {"frozen_norms", "optimizer_eps", "ema_or_weights", "plateau_of"}
)


Vary = Literal["method", "loss", "backbone"]
"""What the rows of a comparison differ in, beside their seeds."""
# What is left out of the conditions for each: fields of a run and of its schedule.
VARIED: dict[Vary, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "method": (("method",), ()),
    "loss": ((), ("loss",)),
    "backbone": (("weights_digest",), ("backbone", "weights")),
}


class CellSpec(BaseModel):
    """One run: everything that changes its result. Its hash is the run's identity.

    Device, worker count and compilation are not here: the same run means the same on another machine. They
    change rounding, which training may carry on to 2 mAP of a single run, and are recorded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: int = RECIPE
    method: MethodChoice
    data: str
    data_fingerprint: str
    limit_train: int | None
    limit_eval: int | None
    split: EvaluatedOn = Field(
        "test", description="what is evaluated: the evaluation split, or one carved from the training split"
    )
    tuned: Tuned | None = Field(None, description="the tune that its values were chosen by")
    seed: int
    schedule_name: str
    schedule: Schedule
    weights_digest: str | None = Field(
        description="hash of the weights file; the schedule holds its name alone"
    )
    init_from: InitFrom | None = None
    vectors: str = Field(description="'label-sets', or where they come from and, behind ':', their hash")
    protocol: Protocol

    @model_validator(mode="before")
    @classmethod
    def _chose_on_test(cls, fields: Any) -> Any:
        """Before a schedule could say so, its epoch was chosen on the test split."""
        if not isinstance(fields, dict) or fields.get("recipe") not in (1, 2):
            return fields
        # No hash of such a run would tell that it was made one on a validation split, or a tuned one.
        later = [name for name in _SINCE_3[0] if fields.get(name) not in (None, "test")]
        if later:
            raise ValueError(f"a run of recipe {fields['recipe']} has no {later[0]}")
        schedule = fields.get("schedule")
        return (
            {**fields, "schedule": {"select_on": "test", **schedule}}
            if isinstance(schedule, dict)
            else fields
        )

    def head_options(self) -> Options:
        """The options that the head is built with."""
        options, width = options_of(self.method), self.schedule.head_width
        return options if width is None else options.narrowed(width)

    def row(self, varies: Vary = "method") -> str:
        """What its row is known by: what varies; a method with its options, without those a tune chose."""
        if varies == "loss":
            return str(self.schedule.loss)
        if varies == "backbone":
            digest = f", {self.weights_digest[:12]}" if self.weights_digest else ""
            return self.backbone_title() + digest
        return self.tuned.method if self.tuned else self.method.label()

    def backbone_title(self) -> str:
        """The backbone and the name of its weights, which two files may share."""
        return f"{self.schedule.backbone} from {self.schedule.weights} weights"

    def chosen(self) -> dict[str, Any]:
        """What a tune chose: fields of the schedule, and options of the method that were not asked for."""
        if self.tuned is None:
            return {}
        asked = self.tuned.method.split("/")
        changed = {part.partition("=")[0] for part in self.method.label().split("/")[1:] if part not in asked}
        options = {name: value for name, value in self.method.options.items() if name in changed}
        return {name: getattr(self.schedule, name) for name in self.tuned.fields} | options

    def schedule_title(self) -> str:
        """What its schedule is called where runs under several stand side by side."""
        tuned = f", tuned, {self.tuned.trials} trials each" if self.tuned else ""
        return self.schedule_name + tuned

    def key(self) -> str:
        """Twelve hexadecimal digits, equal for equal cells."""
        return self._hash_without()

    def but_seed(self) -> str:
        """A hash of all but the seed: runs that share it are seeds of one thing, a tune's choices too."""
        return self._hash_without("seed")

    def run_id(self) -> str:
        """The name of the run's folder."""
        return f"{self.data}-{self.method.name}-s{self.seed}-{self.key()}"

    def conditions(self, varies: Vary = "method") -> str:
        """A hash of all that a comparison holds the same: everything but what varies and the seed.

        Of the values that a tune chose, it is what they were chosen from.
        """
        of_run, of_schedule = VARIED[varies]
        tuned = self.tuned.fields if self.tuned else ()
        return self._hash_without("seed", *of_run, of_schedule=(*of_schedule, *tuned))

    def but_for(self, fields: tuple[str, ...]) -> str:
        """A hash of the conditions without these fields of the schedule, tuned or not."""
        return self._hash_without("method", "seed", "tuned", of_schedule=fields)

    def _hash_without(self, *fields: str, of_schedule: tuple[str, ...] = ()) -> str:
        # The name and the description of a schedule change nothing: equal fields are an equal schedule.
        content = self.model_dump(mode="json", exclude={"schedule_name": True, "schedule": {"about"}})
        # Nor does the name of a file of vectors or of a model, or what it was trained on: equal hashes are
        # equal files.
        content["vectors"] = self.vectors.rpartition(":")[2]
        if self.init_from:
            del content["init_from"]["file"], content["init_from"]["data"]
        if self.tuned:
            del content["tuned"]["name"], content["tuned"]["method"]
            # Of the method, and so nothing that a comparison of methods holds the same.
            if not self.tuned.given or "method" in fields:
                del content["tuned"]["given"]
        if self.recipe < RECIPE:
            silent, silent_schedule = _SINCE_3
            fields, of_schedule = (*fields, *silent), (*of_schedule, *silent_schedule)
        content["schedule"] = {
            name: value
            for name, value in content["schedule"].items()
            if name not in of_schedule
            and not (name in _LATER and getattr(self.schedule, name) == Schedule.model_fields[name].default)
        }
        kept = {name: value for name, value in content.items() if name not in fields}
        return sha256(canonical_json(kept).encode()).hexdigest()[:12]
