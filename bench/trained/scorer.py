"""A stored model that scores pictures, wherever they come from: files, Pillow, arrays."""

from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench.datasets.pictures.read import read_image, upright_rgb
from bench.datasets.pictures.samples import declared
from bench.datasets.pictures.transforms import evaluation_pixels
from bench.engine.device.environment import (
    choose_device,
    fabric_on,
    keep_to_share,
    precision_plugin,
    scored_in,
)
from bench.engine.models.find_model import find_model
from bench.engine.models.model_file import ModelCard, Trained, load_model
from bench.errors import UserError, cut
from bench.metrics.operating_point import probabilities_of
from bench.trained.operating_point import OperatingPoint, read_operating_point
from bench.trained.prediction import Prediction
from bench.trained.views import MapKind, look

Floats = NDArray[np.float32]
Picture = Path | str | Image.Image | NDArray[np.uint8]
"""A file, a picture of Pillow, or `(H, W, 3)` uint8 RGB pixels, `(H, W)` for grey."""
Pictures = Picture | Iterable[Picture]
"""One or several; each batch of a list is read when it is its turn."""
Threshold = float | Literal["fitted"] | None
"""One for all labels; those that were fitted; or these where there are some, and else 0.5."""


class Seen(NamedTuple):
    """What a model makes of N pictures; see `bench.trained.views.Views`.

    Attributes:
        logits: `(N, C)`.
        maps: `(N, C, h, w)` or None.
        graph: `(C, C)`, `(N, C, C)` or None.
        scenes: `(N, S)` or None.
        kind: of the maps.
    """

    logits: Floats
    maps: Floats | None
    graph: Floats | None
    scenes: Floats | None
    kind: MapKind | None


class Scorer:
    """A trained or imported model, ready to score pictures.

    Attributes:
        card: what the model is and where it comes from.
        classes: the C class names, in the order of the scores.
        fitted: thresholds and temperature of `bench thresholds`, where they were fitted.
    """

    def __init__(self, trained: Trained, device: str = "auto", fitted: OperatingPoint | None = None) -> None:
        """Put a model on a device: `auto`, `cpu`, `cuda` or `cuda:N`.

        It computes as it was trained; in float32 where it was trained in fp16 and the device is no GPU.

        Raises:
            UserError: the device is not there.
        """
        keep_to_share()
        self.card: ModelCard = trained.card
        self.fitted = fitted
        self.classes = trained.card.classes
        where = choose_device(device, "fp32")
        precision = scored_in(trained.card.precision, where)
        self._model = trained.model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._fabric = fabric_on(where, precision_plugin(precision, where))

    def logits(self, pictures: Pictures, batch_size: int = 16) -> Floats:
        """Score pictures as the test images of the model's own run were: same size, same crop.

        Args:
            pictures: one or several.
            batch_size: how many go through the model at once; it changes rounding at most, but for
                `tdrg/attention=batch`, whose scores depend on the pictures beside.

        Returns:
            `(N, C)`; N is 1 for a single picture.

        Raises:
            UserError: a file that cannot be read as a picture, or an array of another shape or type.
        """
        _require_batch(batch_size)
        several = _several(pictures)
        parts = [np.zeros((0, len(self.classes)), np.float32)]
        parts += [self.look(several[i : i + batch_size]).logits for i in range(0, len(several), batch_size)]
        return np.concatenate(parts)

    def probabilities(self, pictures: Pictures, batch_size: int = 16) -> Floats:
        """As `logits`, each score between 0 and 1: the sigmoid of the logit, not calibrated."""
        return _sigmoid(self.logits(pictures, batch_size))

    def predict(
        self,
        pictures: Pictures,
        threshold: Threshold = None,
        maps: bool = False,
        batch_size: int = 16,
        names: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """The labels of pictures, with their probabilities, calibrated where a temperature was fitted.

        Args:
            pictures: one or several.
            threshold: from which probability on a label is predicted; `fitted` for those of `bench
                thresholds`, which None means too where there are some, and else 0.5.
            maps: keep where each label is seen.
            batch_size: how many go through the model at once.
            names: of the pictures; their paths, or `picture 1` and so on, if None.

        Raises:
            UserError: a file that cannot be read as a picture, an array of another shape or type, thresholds
                that were not fitted, or maps of a method that has none.
        """
        several, thresholds = _several(pictures), self.thresholds(threshold)
        _require_batch(batch_size)
        if names is not None and len(names) != len(several):
            raise UserError(
                f"Give a name for each picture or none at all: {len(names)} are named of {len(several)}."
            )
        called = names or [_name(one, number) for number, one in enumerate(several, start=1)]
        temperature = self.fitted.temperature if self.fitted else 1.0
        found = []
        for start in range(0, len(several), batch_size):
            batch = [_upright(one) for one in several[start : start + batch_size]]
            seen = self.look(batch)
            if maps and seen.maps is None:
                raise UserError(f"{self.card.method.label()} has no map for each label: ask for none.")
            for number, (picture, logits) in enumerate(zip(batch, seen.logits, strict=True)):
                found.append(
                    Prediction(
                        picture=called[start + number],
                        classes=self.classes,
                        probabilities=probabilities_of(logits, temperature),
                        thresholds=thresholds,
                        size=picture.size,
                        maps=seen.maps[number] if maps and seen.maps is not None else None,
                        card=self.card,
                    )
                )
        return found

    def thresholds(self, threshold: Threshold) -> NDArray[np.float64]:
        """The threshold of each class, `(C,)`, as `predict` takes it.

        Raises:
            UserError: they are to be the fitted ones, and none were fitted; or it is no threshold.
        """
        if isinstance(threshold, Real):
            if not 0 <= threshold <= 1:
                raise UserError(f"A threshold is a probability, from 0 to 1, and not {threshold}.")
            return np.full(len(self.classes), threshold, np.float64)
        if not (threshold is None or (isinstance(threshold, str) and threshold == "fitted")):
            raise UserError(f"{cut(repr(threshold))} is no threshold: give one number, 'fitted' or None.")
        if self.fitted:
            return np.array(self.fitted.thresholds(), np.float64)
        if threshold == "fitted":
            raise UserError(
                f"No thresholds were fitted for this model ({self.card.source}): run `bench thresholds` of "
                "its run first, or give a number."
            )
        return np.full(len(self.classes), 0.5, np.float64)

    def look(self, pictures: Pictures) -> Seen:
        """Score one batch of pictures, and keep what the model shows of itself on them.

        Raises:
            UserError: as `logits`.
        """
        pixels = np.stack([self._pixels(one) for one in _several(pictures)])
        images = self._fabric.to_device(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        with torch.inference_mode(), self._fabric.autocast():
            views = look(self._model, images)
        return Seen(
            views.logits.cpu().numpy(),
            _array(views.maps),
            _array(views.graph),
            _array(views.scenes),
            views.kind,
        )

    def _pixels(self, picture: Picture) -> NDArray[np.uint8]:
        return evaluation_pixels(_upright(picture), self.card.test_size, self.card.test_resize)


def _sigmoid(logits: Floats) -> Floats:
    return torch.from_numpy(logits).sigmoid().numpy()


def _several(pictures: Any) -> Sequence[Picture]:
    one: Any = pictures
    if isinstance(pictures, Path | str | Image.Image | np.ndarray | bytes | dict):
        return [one]  # of which the last two are none, as is said where they are read
    if hasattr(pictures, "__getitem__"):
        return cast(Sequence[Picture], pictures)  # not copied, as it may read them one by one
    return list(pictures) if isinstance(pictures, Iterable) else [one]


def _require_batch(size: int) -> None:
    if size < 1:
        raise UserError(f"Give a batch_size of at least 1, and not {size}.")


def _name(picture: Picture, number: int) -> str:
    return str(picture) if isinstance(picture, Path | str) else f"picture {number}"


def _array(view: Tensor | None) -> Floats | None:
    return None if view is None else view.cpu().numpy()


def _upright(picture: Any) -> Image.Image:
    if isinstance(picture, Path | str):
        try:
            return read_image(Path(picture))
        except OSError as error:
            raise UserError(f"The picture {picture} cannot be read: {error}.") from error
    if isinstance(picture, Image.Image):
        samples = declared(picture)  # which a copy has lost
        try:
            return upright_rgb(picture.copy(), samples)
        except OSError as error:
            raise UserError(f"The picture cannot be read: {error}.") from error
        except (AssertionError, ValueError) as error:
            raise UserError("The picture was closed before it was read: keep its file open.") from error
    if not isinstance(picture, np.ndarray):
        raise UserError(
            f"{cut(repr(picture))} is no picture: give a file, a picture of Pillow, or an array of pixels."
        )
    is_flat = picture.ndim in (2, 3) and picture.shape[2:] in ((), (3,))
    if picture.dtype != np.uint8 or not is_flat or not picture.size:
        raise UserError(
            f"An array of {picture.dtype}, {picture.shape}, is no picture: give (H, W, 3) or (H, W) uint8."
        )
    return Image.fromarray(picture).convert("RGB")


def load_scorer(model: Path | str, device: str = "auto") -> Scorer:
    """Load a model by its file, or the one of a run here by the beginning or end of the run's name.

    Raises:
        UserError: there is no such file or run, several runs, or a file that is no model.
    """
    path = find_model(model)
    return Scorer(load_model(path), device, read_operating_point(path))
