"""The scenes that a method found: their labels, which of these go together, the images that are of them.

Scenes are SALGL's (Zhu et al., ICCV 2023): in training each image adds its pairs of labels to the memory of
its scene. The published code draws these memories of its own models; here those of any run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.datasets.opened import OpenedSplit
from bench.engine.models.model_file import load_model
from bench.methods.graph import conditional_probability
from bench.trained.scorer import Scorer
from bench.visualize.cloud import lay_out
from bench.visualize.images import Shown
from bench.visualize.inside import Floats, Inside, Matrix
from bench.visualize.matrix import BESIDE, draw_matrix, names_for
from bench.visualize.order import at_most, by_company
from bench.visualize.sheet import BOTTOM, EDGE, Box, Sheet
from bench.visualize.subject import Drawing, Subject

BATCH = 32
AT_MOST_SCENES, AT_MOST_LABELS = 12, 24
SURE = 6
"""Images of a scene."""
HEAD, SIDE, GAP, TOP = 0.3, 2.0, 0.2, 0.45
CLOUD = 3.2
THUMBNAIL, BETWEEN, NUMBER = (1.3, 0.98), 0.06, 0.18
"""Inches: of an image, between two, of the number beneath."""
OFTEN, RARELY, COMMON = "#0072B2", "#b3b3b3", "#333333"
KEY = (
    "cloud: the labels of the images that the scene counted in training, larger where they are more; blue: "
    "at least a quarter more often than in all scenes together, grey: a quarter more rarely; matrix: "
    "P(j | i) within the scene; pictures: the test images that are surest of the scene, with its probability"
)


@dataclass(frozen=True)
class _Scenes:
    """What is known of the S scenes of a model.

    Attributes:
        memory: `(S, C, C)`, images in training with each pair of labels, and with each label.
        probability: `(N, S)`, of the scenes of N images.
        split: the images.
        classes: the names of the C classes.
    """

    memory: Matrix
    probability: Matrix
    split: OpenedSplit
    classes: tuple[str, ...]

    @property
    def counts(self) -> Matrix:
        """`(S, C)`, images in training with each label."""
        return np.diagonal(self.memory, axis1=1, axis2=2)

    def within(self, scene: int) -> Matrix:
        """`(C, C)`, P(j | i) within a scene."""
        return conditional_probability(self.counts[scene], self.memory[scene])

    def share(self) -> Matrix:
        """`(S,)`, of the images whose most probable scene it is."""
        best = self.probability.argmax(axis=1)
        return np.bincount(best, minlength=len(self.memory)) / len(best)

    def certainty(self) -> float:
        """1 where each image is sure of its scene, 0 where all scenes are as probable to each."""
        entropy = -(self.probability * np.log(np.maximum(self.probability, 1e-30))).sum(axis=1).mean()
        return float(1 - entropy / np.log(max(2, self.probability.shape[1])))

    def surest(self, scene: int, number: int) -> list[int]:
        """The images that give a scene the highest probability."""
        order = np.argsort(-self.probability[:, scene], kind="stable")
        return [int(place) for place in order[:number]]


def draw(subject: Subject) -> Iterator[Drawing]:
    """A picture for each model with scenes: a line for each scene."""
    for inside in subject.shown_by(lambda one: one.memory is not None):
        assert inside.memory is not None and subject.split is not None
        probability = _probability(subject, inside, subject.split)
        memory = inside.memory.astype(np.float64)
        scenes = _Scenes(memory, probability, subject.split, subject.classes)
        yield Drawing(
            _figure(subject, inside, scenes),
            (inside.model.tag,),
            {"": label_table(scenes), "-images": image_table(scenes)},
            _words(inside, scenes),
        )


def _probability(subject: Subject, inside: Inside, split: OpenedSplit) -> Matrix:
    """`(N, S)`, of the scenes of all images of the split."""
    scorer = Scorer(load_model(inside.model.path), subject.device)
    progress = subject.steps(f"scenes of {inside.model.title}, image")
    parts: list[Floats] = []
    for start in range(0, len(split.index), BATCH):
        progress(start, len(split.index))
        places = range(start, min(start + BATCH, len(split.index)))
        seen = scorer.look([split.index.path(place) for place in places])
        assert seen.scenes is not None
        parts.append(seen.scenes)
    return np.concatenate(parts).astype(np.float64)


def label_table(scenes: _Scenes) -> pd.DataFrame:
    """A line for each scene and pair of labels, i = j too: how often it has counted i, both, and P(j | i).

    What is counted are the training images of every epoch.
    """
    shape = scenes.memory.shape
    scene, i, j = (axis.ravel() for axis in np.indices(shape))
    names = np.array(scenes.classes, dtype=object)
    probability = np.stack([scenes.within(number) for number in range(shape[0])])
    return pd.DataFrame(
        {
            "scene": scene + 1,
            "i": names[i],
            "j": names[j],
            "count_of_i": scenes.counts[scene, i].round(4),
            "count_of_both": scenes.memory.ravel().round(4),
            "probability_of_j_given_i": probability.ravel().round(6),
        }
    )


def image_table(scenes: _Scenes) -> pd.DataFrame:
    """A line for each image: its most probable scene, and the probability of each."""
    columns = {
        f"scene_{number + 1}": scenes.probability[:, number].round(6) for number in range(len(scenes.memory))
    }
    best = scenes.probability.argmax(axis=1) + 1
    return pd.DataFrame({"image": list(scenes.split.index.ids), "most_probable": best, **columns})


def _words(inside: Inside, scenes: _Scenes) -> str:
    shares = ", ".join(f"{100 * share:.0f} %" for share in scenes.share())
    return (
        f"{inside.model.title}: {len(scenes.memory)} scenes, the most probable one of {shares} of "
        f"{len(scenes.probability)} test images; certainty of an image's scene {scenes.certainty():.2f} "
        "(1: it is sure, 0: all are as probable)"
    )


def _figure(subject: Subject, inside: Inside, scenes: _Scenes) -> Figure:
    share = scenes.share()
    total = scenes.counts.sum(axis=0)
    labels = at_most(AT_MOST_LABELS, total)
    together = conditional_probability(total, scenes.memory.sum(axis=0))
    order = [labels[place] for place in by_company(together[np.ix_(labels, labels)])]
    names = names_for([subject.names[label] for label in order], SIDE)
    shown = at_most(AT_MOST_SCENES, share + scenes.counts.sum(axis=1) * 1e-12)
    line = HEAD + SIDE + names.room + GAP
    images = 3 * (THUMBNAIL[0] + BETWEEN)
    sheet = Sheet(
        2 * EDGE + CLOUD + names.room + SIDE + BESIDE + 2 * GAP + images,
        TOP + len(shown) * line + BOTTOM,
    )
    left_out = "" if len(shown) == len(share) else f", the {len(shown)} most used of {len(share)}"
    for number, scene in enumerate(shown):
        top = TOP + number * line
        _draw_head(sheet, scenes, scene, top)
        _draw_cloud(sheet, subject, scenes, scene, top + HEAD)
        x = EDGE + CLOUD + GAP + names.room
        within = scenes.within(scene)[np.ix_(order, order)]
        draw_matrix(sheet, (x, top + HEAD, SIDE), within, names, highest=1.0)
        _draw_images(sheet, scenes, scene, (x + SIDE + BESIDE + GAP, top + HEAD))
    return subject.frame(sheet, f"the scenes of {inside.model.title}{left_out}", KEY)


def _draw_head(sheet: Sheet, scenes: _Scenes, scene: int, top: float) -> None:
    mean = scenes.probability[:, scene].mean()
    words = (
        f"most probable for {100 * scenes.share()[scene]:.1f} % of {len(scenes.probability)} test images, "
        f"mean probability {mean:.2f}"
    )
    sheet.text(EDGE, top, f"Scene {scene + 1}", fontsize=9, weight="bold")
    sheet.text(EDGE + 0.75, top + 0.015, words, fontsize=7.5, color="0.3")


def _draw_cloud(sheet: Sheet, subject: Subject, scenes: _Scenes, scene: int, top: float) -> None:
    counts = scenes.counts[scene]
    room = (CLOUD, SIDE + 0.4)
    if not counts.sum():
        how = {"fontsize": 8, "color": "0.5", "ha": "center", "va": "center"}
        sheet.text(EDGE + room[0] / 2, top + room[1] / 2, "no image in training", **how)
        return
    own, all_ = counts / counts.sum(), scenes.counts.sum(axis=0) / scenes.counts.sum()
    for word in lay_out(subject.names, counts, room, sheet.extent):
        ratio = own[word.place] / all_[word.place]
        colour = OFTEN if ratio >= 1.25 else RARELY if ratio <= 0.75 else COMMON
        x, y = EDGE + room[0] / 2 + word.x, top + room[1] / 2 + word.y
        how = {"fontsize": word.size, "color": colour, "ha": "center", "va": "center"}
        sheet.text(x, y, subject.names[word.place], **how)


def _draw_images(sheet: Sheet, scenes: _Scenes, scene: int, corner: tuple[float, float]) -> None:
    (left, top), (width, height) = corner, THUMBNAIL
    index = scenes.split.index
    for number, place in enumerate(scenes.surest(scene, SURE)):
        line, column = divmod(number, 3)
        x, y = left + column * (width + BETWEEN), top + line * (height + NUMBER + BETWEEN)
        picture = Shown(index.ids[place], index.path(place), None).thumbnail(200)
        sheet.picture(Box(x, y, width, height), picture)
        number_of = f"{scenes.probability[place, scene]:.2f}"
        sheet.text(x + width / 2, y + height + 0.02, number_of, fontsize=6.5, color="0.3", ha="center")
