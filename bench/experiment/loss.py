"""The losses by name, with their parameters. They are computed in `bench.engine.training.losses`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Loss(BaseModel):
    """A loss takes its own parameters and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __str__(self) -> str:
        parameters = self.model_dump()
        name = parameters.pop("name")
        listed = ", ".join(f"{key} {value}" for key, value in parameters.items())
        return f"{name} ({listed})" if listed else str(name)


class BCE(_Loss):
    """Binary cross-entropy, mean over classes and images (SSGRL, MultiLabelClassification)."""

    name: Literal["bce"] = "bce"


class SoftMargin(_Loss):
    """Multi-label soft margin loss (ML-GCN, ADD-GCN): binary cross-entropy, mean over each image's classes.

    It equals `bce` unless difficult labels are ignored: an image that has some counts as much as any other.
    """

    name: Literal["soft-margin"] = "soft-margin"


class ASL(_Loss):
    """Asymmetric loss (Ridnik et al., ICCV 2021), mean over classes and images.

    A mean by default, where the published code takes a sum (`reduction: sum` in a schedule), and SALGL's a
    mean times 1000: so a learning rate does not
    depend on the number of classes, and auxiliary terms weigh the same beside any loss. SALGL's entropies,
    which have weight 1 beside the mean times 1000, have weight 1e-3 here.
    """

    name: Literal["asl"] = "asl"
    gamma_pos: float = Field(0.0, ge=0, description="focusing of positives")
    gamma_neg: float = Field(4.0, ge=0, description="focusing of negatives")
    clip: float = Field(
        0.05, ge=0, lt=1, description="negatives with a smaller probability of the label are ignored"
    )
    eps: float = Field(1e-8, gt=0, lt=0.5, description="no smaller probability enters a logarithm or power")
    focus_gradient: bool = Field(
        False,
        description="differentiate the focusing weight too; the published trainings take it as constant",
    )


Loss = Annotated[BCE | SoftMargin | ASL, Field(discriminator="name")]
LOSSES: tuple[str, ...] = ("bce", "soft-margin", "asl")


def loss_named(value: Any) -> Any:
    """Turn a bare name into a loss with its default parameters; anything but a known name is a ValueError."""
    fields = {"name": value} if isinstance(value, str) else value
    if isinstance(fields, dict) and fields.get("name") not in LOSSES:
        raise ValueError(f"the name of a loss is one of {', '.join(LOSSES)}")
    return fields
