"""What a value may be drawn from when a method is tuned: typed, and each a function of one uniform draw."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class _Range(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Between(_Range):
    low: float
    high: float

    @model_validator(mode="after")
    def _not_empty(self) -> "_Between":
        if not self.low < self.high:
            raise ValueError(f"the range from {self.low:g} to {self.high:g} is empty")
        return self


class Uniform(_Between):
    """A number between two others."""

    kind: Literal["uniform"] = "uniform"

    def at(self, draw: float) -> Any:
        """The value for a draw from [0, 1), with four digits."""
        return float(f"{self.low + draw * (self.high - self.low):.4g}")


class LogUniform(_Between):
    """A number between two others, whose logarithm is uniform."""

    kind: Literal["log-uniform"] = "log-uniform"
    low: float = Field(gt=0)
    times_default: bool = Field(False, description="low and high are multiples of what is there untuned")

    def at(self, draw: float) -> Any:
        """The value for a draw from [0, 1), with four digits."""
        return float(f"{self.low * (self.high / self.low) ** draw:.4g}")


class OneOf(_Range):
    """One of some values."""

    kind: Literal["one-of"] = "one-of"
    values: tuple[Any, ...] = Field(min_length=2)

    def at(self, draw: float) -> Any:
        """The value for a draw from [0, 1)."""
        return self.values[int(draw * len(self.values))]


_KINDS = ("uniform", "log-uniform", "one-of")


def _of_a_kind(value: Any) -> Any:
    # Of a union pydantic would say that it cannot extract a tag by a discriminator.
    if isinstance(value, _Range) or (isinstance(value, dict) and value.get("kind") in _KINDS):
        return value
    raise ValueError(
        "a range is {kind: uniform, low: A, high: B}, the same with log-uniform, "
        "or {kind: one-of, values: [A, B]}"
    )


Range = Annotated[
    Annotated[Uniform | LogUniform | OneOf, Field(discriminator="kind")], BeforeValidator(_of_a_kind)
]
