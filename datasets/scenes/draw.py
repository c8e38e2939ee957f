"""One picture of the `scenes` data set: what is in it is drawn by lot, then it is painted.

The two halves are apart so that labels can be looked at without painting: `sample_scene` decides what is
where, `draw_scene` paints it and finds out how much of each object can be seen.
"""

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.datasets.scenes.shapes import PARTS, SLOTS, Points
from bench.datasets.scenes.world import ANY, COMPANIONS, GREEN, LOOKS, SCENES, WOOD, SceneType, Tones

CLASSES: tuple[str, ...] = tuple(sorted(PARTS))
Rgb = tuple[int, int, int]
Stroke = tuple[int, Points, float]
"""One primitive in the picture: which of the colours, the points in pixels, the stroke width or 0."""

SUPERSAMPLE = 2
"""Pictures are painted this much larger and reduced, which smooths the edges."""
SIDES = (120, 161)
QUALITY = 90
TINY = 0.2
"""Share of the objects that are drawn so small that the scene tells more than they do."""
STRAY = 0.3
"""Chance of one label that the scene type did not ask for."""
HIDDEN, HARD, SMALL = 0.05, 0.25, 11.0
"""Seen less than this: not there; less than this, or this few pixels across: hardly to be recognised."""
DIFFICULT = 0.8
"""Share of the hardly recognisable objects marked difficult; in the rest context has to help."""


@dataclass(frozen=True)
class Item:
    """One object: the centre and the size in pixels, its pose, and its colours in the order of SLOTS."""

    name: str
    centre: tuple[float, float]
    size: float
    pose: NDArray[np.float64]
    colours: tuple[Rgb, ...]
    luck: float
    """Below DIFFICULT, the object is marked difficult if it is hard to see."""


@dataclass(frozen=True)
class Scene:
    """What a picture will hold; the items are in painting order, the last one is in front."""

    kind: str
    width: int
    height: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Seen:
    """One object as it ended up in the picture; its box is left, top, right, bottom, from 0 on."""

    name: str
    box: tuple[int, int, int, int]
    truncated: bool
    difficult: bool


@dataclass(frozen=True)
class Picture:
    """A painted scene: the bytes of its JPEG file and what can be seen."""

    jpeg: bytes
    width: int
    height: int
    seen: tuple[Seen, ...]


def sample_scene(rng: np.random.Generator, labels: NDArray[np.bool_] | None = None) -> Scene:
    """Draw by lot what a picture holds; with `labels`, `(C,)`, these, whatever the kind of scene."""
    kind, scene_type = draw_scene_type(rng)
    width, height = (int(side) for side in rng.integers(*SIDES, size=2))
    names = _objects(draw_labels(scene_type, rng) if labels is None else labels, rng)
    items = [_sample_item(name, width, height, rng, front=not i) for i, name in enumerate(names)]
    # The first one is put in front and kept large, so that no picture is without a visible object.
    order = [*(rng.permutation(len(items) - 1) + 1), 0]
    return Scene(kind, width, height, tuple(items[i] for i in order))


def draw_scene_type(rng: np.random.Generator) -> tuple[str, SceneType]:
    """A kind of scene, each as often as its weight says."""
    kinds = list(SCENES)
    weights = np.array([SCENES[kind].weight for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
    return kind, SCENES[kind]


def draw_labels(kind: SceneType, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which classes are in a picture, `(C,)`; one at least is, chosen by the odds."""
    odds = np.array([kind.odds.get(name, 0.0) for name in CLASSES])
    there = rng.random(len(CLASSES)) < odds
    if not there.any():
        there[rng.choice(len(CLASSES), p=odds / odds.sum())] = True
    for cause, effect, chance in COMPANIONS:
        if rng.random() < chance and there[CLASSES.index(cause)]:
            there[CLASSES.index(effect)] = True
    if rng.random() < STRAY:
        there[rng.integers(len(CLASSES))] = True
    return there


def _objects(labels: NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    """The objects of a picture with these labels, in an order drawn by lot; some classes are there twice."""
    names = [CLASSES[i] for i in rng.permutation(np.flatnonzero(labels))]
    more = [name for name in names for _ in range(2) if rng.random() < LOOKS[name].crowd]
    return names + more


def _sample_item(name: str, width: int, height: int, rng: np.random.Generator, front: bool) -> Item:
    look, short = LOOKS[name], min(width, height)
    if front:
        scale = rng.uniform(0.34, 0.58)
    elif rng.random() < TINY:
        scale = rng.uniform(0.05, 0.12)
    else:
        scale = rng.uniform(0.2, 0.55)
    # What stands lower in the picture is nearer and hence larger; the places scatter beyond the band.
    depth = rng.random()
    level = look.band[0] + (look.band[1] - look.band[0]) * depth + rng.normal(0, 4)
    centre = (width * rng.uniform(0.14, 0.86 if front else 0.98), height * level / 100)
    size = short * scale * look.size**0.7 * (0.85 + 0.3 * depth)
    wild = rng.random() < 0.06
    angle = np.deg2rad(rng.uniform(-180, 180) if wild else rng.normal(0, look.tilt))
    stretch = np.exp(rng.normal(0, 0.13))
    flip = 1.0 if rng.random() < 0.5 else -1.0
    shape = np.array([[flip * stretch, 0.0], [rng.normal(0, 0.06), 1 / stretch]])
    tones: dict[str, Tones] = {
        "main": ANY if rng.random() < 0.08 else look.main,
        "dark": look.dark,
        "light": look.light,
        "accent": look.accent,
    }
    colours = tuple(_colour(tones[slot], rng) for slot in SLOTS)
    return Item(name, centre, size, shape @ _turn(angle), colours, float(rng.random()))


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _colour(tones: Tones, rng: np.random.Generator) -> Rgb:
    which, *at = rng.random(4).tolist()
    tone = tones[int(which * len(tones))]
    h, s, v = (low + (high - low) * x for low, high, x in zip(tone[::2], tone[1::2], at, strict=True))
    red, green, blue = colorsys.hsv_to_rgb(h % 360 / 360, s / 100, v / 100)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_scene(scene: Scene, rng: np.random.Generator) -> Picture:
    """Paint a scene and note what can be seen of its objects."""
    width, height = scene.width, scene.height
    canvas = Image.new("RGB", (width * SUPERSAMPLE, height * SUPERSAMPLE))
    brush = ImageDraw.Draw(canvas)
    owners = Image.new("L", (width, height))
    whole: list[int] = []
    _draw_background(brush, scene, rng)
    for piece, colour in _clutter(scene, rng, 4, 0.16):
        _draw_strokes(brush, piece, (colour,))
    for index, item in enumerate(scene.items):
        if index == len(scene.items) - 1:  # what is in front of everything else stays uncovered
            for piece, colour in _clutter(scene, rng, 2.5, 0.12):
                _draw_strokes(brush, piece, (colour,))
                _own(owners, piece, 255)
        strokes = _place(item)
        _draw_strokes(brush, strokes, item.colours)
        whole.append(_own(owners, strokes, index + 1))
    picture = _light(canvas.reduce(SUPERSAMPLE), rng)
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return Picture(file.getvalue(), width, height, _look_at(scene, np.asarray(owners), whole))


def _place(item: Item) -> list[Stroke]:
    """An object's parts in pixels of the final picture."""
    frame = item.pose * (item.size / 100)
    shift = np.array(item.centre) - 50 * frame.sum(axis=0)
    return [
        (SLOTS.index(part.slot), part.points @ frame + shift, part.width * item.size / 100)
        for part in PARTS[item.name]
    ]


def _draw_strokes(brush: ImageDraw.ImageDraw, strokes: list[Stroke], colours: Sequence[Rgb]) -> None:
    for slot, points, width in strokes:
        flat = (points * SUPERSAMPLE).ravel().tolist()
        if width:
            brush.line(flat, fill=colours[slot], width=max(1, round(width * SUPERSAMPLE)))
        else:
            brush.polygon(flat, fill=colours[slot])


def _own(owners: Image.Image, strokes: list[Stroke], owner: int) -> int:
    """Mark the pixels that an object covers as its own; returns how many it would have were it all inside."""
    corners = np.concatenate([points for _, points, _ in strokes])
    edge = 2 + max(width for _, _, width in strokes) / 2
    left, top = (int(v) for v in np.floor(corners.min(axis=0) - edge))
    right, bottom = (int(v) for v in np.ceil(corners.max(axis=0) + edge))
    mask = Image.new("L", (right - left, bottom - top))
    brush = ImageDraw.Draw(mask)
    for _, points, width in strokes:
        flat = (points - (left, top)).ravel().tolist()
        if width:
            brush.line(flat, fill=255, width=max(1, round(width)))
        else:
            brush.polygon(flat, fill=255)
    owners.paste(owner, (left, top), mask)
    return mask.histogram()[255]


def _draw_background(brush: ImageDraw.ImageDraw, scene: Scene, rng: np.random.Generator) -> None:
    """Paint the scene type's layers, bent so that the horizon lies elsewhere in every picture."""
    scale = np.array([scene.width, scene.height]) * (SUPERSAMPLE / 100)
    shift, slope, mirror = rng.normal(0, 7), rng.normal(0, 4), rng.random() < 0.5
    for layer in SCENES[scene.kind].layers:
        points = layer.points.copy()
        if mirror:
            points[:, 0] = 100 - points[:, 0]
        across, down = points[:, 0] / 100, np.clip(points[:, 1] / 100, 0, 1)
        points[:, 1] += (shift + slope * (across - 0.5)) * 4 * down * (1 - down)
        colour = np.array(_colour(layer.tones, rng))
        brush.polygon((points * scale).ravel().tolist(), fill=tuple(colour.tolist()))
        count, dx, dy = layer.grain
        low = np.maximum(points.min(axis=0), 0)
        high = np.minimum(points.max(axis=0) - (dx, dy), 100)
        starts = rng.uniform(low, np.maximum(high, low + 1), size=(count, 2))
        shades = rng.normal(1, 0.1, size=count)
        ends = starts + np.array([dx, dy]) * rng.uniform(0.5, 1.5, size=(count, 1))
        lines = np.concatenate([starts * scale, ends * scale], axis=1).tolist()
        tones = np.clip(shades[:, None] * colour, 0, 255).astype(int).tolist()
        for line, tone in zip(lines, tones, strict=True):
            brush.line(line, fill=tuple(tone), width=2)


def _clutter(
    scene: Scene, rng: np.random.Generator, mean: float, scale: float
) -> Iterator[tuple[list[Stroke], Rgb]]:
    """Loose pieces of any class's shape in object colours: no part or colour alone gives a class away."""
    for _ in range(rng.poisson(mean)):
        parts = PARTS[CLASSES[rng.integers(len(CLASSES))]]
        part = parts[rng.integers(len(parts))]
        points = part.points - part.points.mean(axis=0)
        points *= rng.uniform(0.3, 1) * scale * min(scene.width, scene.height) / np.abs(points).max()
        points = points @ _turn(rng.uniform(0, 2 * np.pi)) + rng.uniform(0, (scene.width, scene.height))
        yield [(0, points, 2.0 if part.width else 0.0)], _colour((*ANY, *GREEN, *WOOD), rng)


def _light(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light that falls off across the picture, a tint, a seldom night, and the noise of a camera."""
    width, height = picture.size
    level = rng.uniform(0.4, 0.6) if rng.random() < 0.08 else rng.uniform(0.72, 1.15)
    tint = (level * rng.normal(1, 0.05, size=3)).astype(np.float32)
    fall = rng.normal(0, 0.12, size=2).astype(np.float32)
    across = fall[0] * np.linspace(-1, 1, width, dtype=np.float32)
    down = fall[1] * np.linspace(-1, 1, height, dtype=np.float32)
    noise = rng.standard_normal((height, width), dtype=np.float32) * np.float32(rng.uniform(2, 9))
    gain = 1 + across + down[:, None]
    bands = [
        np.clip(np.asarray(band) * (gain * factor) + noise, 0, 255).astype(np.uint8)
        for band, factor in zip(picture.split(), tint, strict=True)
    ]
    return Image.merge("RGB", [Image.fromarray(band) for band in bands])


def _look_at(scene: Scene, owners: NDArray[np.uint8], whole: list[int]) -> tuple[Seen, ...]:
    """Measure what is left of each object; those that are hidden are left out."""
    seen = []
    height, width = owners.shape
    for index, item in enumerate(scene.items):
        mine = owners == index + 1
        area = int(np.count_nonzero(mine))
        share = area / max(1, whole[index])
        if share < HIDDEN or area < 4:
            continue
        columns, rows = np.flatnonzero(mine.any(axis=0)), np.flatnonzero(mine.any(axis=1))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))
        across = np.sqrt((box[2] - box[0] + 1) * (box[3] - box[1] + 1))
        hard = bool(share < HARD or across < SMALL)
        cut = box[0] == 0 or box[1] == 0 or box[2] == width - 1 or box[3] == height - 1
        seen.append(Seen(item.name, box, cut, hard and item.luck < DIFFICULT))
    return tuple(seen)
