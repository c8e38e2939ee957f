"""Where each label is seen, drawn over the picture, a file for each."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from bench.files import atomic_path
from bench.names import LONGEST
from bench.trained.overlay import over
from bench.trained.prediction import Label, Prediction


class Drawings:
    """Writes the maps of predictions into a folder, as `PICTURE-LABEL.png`.

    Args:
        folder: made where it is missing.
        labels: those of a prediction that are drawn.
    """

    def __init__(self, folder: Path, labels: Callable[[Prediction], list[Label]] = Prediction.labels) -> None:
        self._folder = folder
        self._labels = labels
        self._used: dict[str, int] = {}

    def add(self, prediction: Prediction, picture: Image.Image) -> list[Path]:
        """Draw the labels of a picture; gives the files.

        Args:
            prediction: with maps.
            picture: upright.
        """
        written = []
        for label in self._labels(prediction):
            path = self._folder / self._name(f"{Path(prediction.picture).stem}-{label.name}")
            with atomic_path(path) as temporary:
                over(picture, prediction.map_of(label.name)).save(temporary, format="PNG")
            written.append(path)
        return written

    def _name(self, wanted: str) -> str:
        """A name that no other file has had: pictures of two folders may share theirs."""
        safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in wanted).strip(" .") or "_"
        safe = safe.encode()[:LONGEST].decode(errors="ignore")
        count = self._used[safe] = self._used.get(safe, 0) + 1
        return f"{safe}.png" if count == 1 else f"{safe}-{count}.png"
