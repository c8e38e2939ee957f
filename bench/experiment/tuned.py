"""What a run of a tuned method says of its tune."""

from pydantic import BaseModel, ConfigDict, Field


class Tuned(BaseModel):
    """The tune that a run's values were chosen by.

    Runs of one tune were made under the same conditions although their values differ: the conditions are what
    was drawn from, how often, and on what it was chosen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    method: str = Field(description="the method as it was asked for, with options that were not tuned")
    design: str = Field(description="hash of space, trials, seed of the draws, data, and what was fixed")
    trials: int = Field(ge=1)
    fields: tuple[str, ...] = Field(description="the fields of the schedule that were tuned")
    given: tuple[str, ...] = Field(
        (), description="the options of the method that a tune draws, and that were given to this one"
    )
