"""`bench profile input` measures what training and evaluation do, and compares it with the plain pipeline."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets.feed import EvalImages, Sample, TrainingImages, collate
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.cache import PictureCache
from bench.datasets.pictures.transforms import Augmentation
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.profile.input import BENCH, CACHED, PLAIN, TEST, TRAINING, InputSpeed, measure_input
from bench.profile.input_pipelines import SEED, STAGES, Asked, Stopwatch, bench_batch, plain_batch
from bench.profile.photographs import make_photographs
from bench.profile.report import load
from bench_command import bench
from trees import write_voc

SIDE = 448
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return build_backbone("timm/test_byobnet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    return make_photographs(tmp_path_factory.mktemp("made"), 3)


@pytest.fixture(scope="module")
def assorted(made: SplitIndex, tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    """Photographs smaller and larger than what is fed, turned, grey, CMYK, and no JPEG."""
    folder = tmp_path_factory.mktemp("assorted")
    picture = Image.open(made.path(0)).convert("RGB")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture.resize((400, 300)).save(folder / "small.jpg")
    picture.resize((1200, 1000)).save(folder / "large.jpg")
    picture.save(folder / "turned.jpg", exif=exif)
    picture.convert("L").save(folder / "grey.jpg")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.save(folder / "progressive.jpg", progressive=True)
    picture.save(folder / "picture.png")
    return index_of(folder)


def index_of(folder: Path) -> SplitIndex:
    files = tuple(sorted(path.name for path in folder.iterdir()))
    labels = np.random.default_rng(0).integers(-1, 2, (len(files), 5)).astype(np.int8)
    return SplitIndex(files, folder, files, labels, np.zeros(len(files), np.uint32))


def test_both_pipelines_feed_the_same(assorted: SplitIndex, backbone: Backbone) -> None:
    positions = list(range(len(assorted)))
    for epoch in range(4):
        plain = plain_batch(Asked(assorted, epoch, positions, SIDE), Stopwatch())
        ours = bench_batch(Asked(assorted, epoch, positions, SIDE), backbone, Stopwatch())
        assert torch.equal(plain.labels, ours.labels)
        assert plain.inputs.shape == ours.inputs.shape == (len(positions), 3, SIDE, SIDE)
        for position, (theirs, pixels) in enumerate(zip(plain.pictures, ours.pictures, strict=True)):
            apart = np.abs(pixels.astype(int) - theirs)
            assert apart.max() <= 2 and apart.mean() <= 0.5, assorted.ids[position]


def test_the_inputs_are_the_normalised_pictures(made: SplitIndex, backbone: Backbone) -> None:
    mean, std = backbone.mean.double(), backbone.std.double()
    batches = (
        plain_batch(Asked(made, 1, [0, 2], SIDE), Stopwatch()),
        bench_batch(Asked(made, 1, [0, 2], SIDE), backbone, Stopwatch()),
    )
    for batch in batches:
        pictures = torch.from_numpy(np.stack(batch.pictures)).permute(0, 3, 1, 2).double()
        assert (batch.inputs - (pictures / 255 - mean) / std).abs().max() < 1e-5


def test_test_pictures_are_pillows_bit_for_bit(assorted: SplitIndex, backbone: Backbone) -> None:
    asked = Asked(assorted, None, list(range(len(assorted))), SIDE)
    plain, ours = plain_batch(asked, Stopwatch()), bench_batch(asked, backbone, Stopwatch())
    for theirs, pixels in zip(plain.pictures, ours.pictures, strict=True):
        np.testing.assert_array_equal(pixels, theirs)


@pytest.mark.parametrize("cached", [False, True])
def test_what_is_measured_is_what_is_fed(
    cached: bool, assorted: SplitIndex, backbone: Backbone, tmp_path: Path
) -> None:
    positions, epoch = [5, 0, 3], 2
    cache = PictureCache(tmp_path, 1e9) if cached else None
    training = TrainingImages(assorted, Augmentation(SIDE, "multi-scale", flip=True), SEED)
    test = EvalImages(assorted, SIDE)
    samples: dict[int | None, list[Sample]] = {
        epoch: [training[epoch, position] for position in positions],
        None: [test[position] for position in positions],
    }
    for when, expected in samples.items():
        batch = collate(expected)
        for _ in range(2):
            found = bench_batch(Asked(assorted, when, positions, SIDE), backbone, Stopwatch(), cache)
            assert torch.equal(found.inputs, backbone.normalize(batch.images))
            assert torch.equal(found.labels, batch.labels)


@pytest.fixture(scope="module")
def measured(made: SplitIndex, tmp_path_factory: pytest.TempPathFactory) -> InputSpeed:
    return measure_input(made, TRAINING, 64, 2, tmp_path_factory.mktemp("cache"))


def test_every_stage_is_timed_in_every_repeat(measured: InputSpeed) -> None:
    for watches in measured.watches.values():
        assert len(watches) == 2
        assert all(watch.seconds[stage] > 0 for watch in watches for stage in STAGES)
    assert len(measured.differences) == 6 and measured.labels_equal and measured.cached_equal


def test_other_threads_are_as_before(made: SplitIndex, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        measure_input(made, TEST, 64, 1, tmp_path)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


def timed(pipeline: str, *repeats: tuple[float, float, float, float]) -> dict[str, list[Stopwatch]]:
    watches = []
    for seconds in repeats:
        watch = Stopwatch()
        watch.seconds = dict(zip(STAGES, seconds, strict=True))
        watches.append(watch)
    return {pipeline: watches}


def test_what_the_stages_take_is_told_right() -> None:
    speed = InputSpeed(TRAINING, images=10)
    speed.watches |= timed(PLAIN, (0.02, 0.02, 0.02, 0.02), (0.04, 0.04, 0.04, 0.04))
    speed.watches |= timed(BENCH, (0.02, 0.005, 0.005, 0.01), (0.01, 0.002, 0.004, 0.004))
    speed.watches |= timed(CACHED, (0.001, 0.005, 0.001, 0.001), (0.001, 0.005, 0.001, 0.001))
    assert speed.in_repeats(BENCH) == pytest.approx((4, 2)) and speed.milliseconds(BENCH) == pytest.approx(3)
    assert speed.ratio(BENCH) == pytest.approx((2 + 8) / 2), "within each repeat"
    # 8 and 16 ms per image; the plain pipeline normalises on the cores.
    assert speed.cores(PLAIN, 500) == pytest.approx(6)
    assert speed.cores(BENCH, 500) == pytest.approx(500 * (3.0 + 1.6) / 2 / 1000)
    assert speed.bound(BENCH) == "read and decode: 50% of the time"
    assert speed.bound(CACHED) == "crop, resize, mirror: 62% of the time"
    ours, cached = speed.figures()
    assert (ours.least, cached.least) == (2.5, 3) and ours.kept() and cached.kept()
    assert ours.times() == pytest.approx(speed.ratio(BENCH))


def test_a_wrong_label_and_a_wrong_picture_are_noticed(made: SplitIndex, backbone: Backbone) -> None:
    right, wrong = (Asked(made, 0, positions, 64) for positions in ([0, 1], [1, 0]))
    plain = plain_batch(right, Stopwatch())
    ours, others = (bench_batch(asked, backbone, Stopwatch()) for asked in (right, wrong))
    found = InputSpeed(TRAINING, 2)
    found.compare(plain, ours, ours)
    assert found.labels_equal and found.cached_equal
    found.compare(plain, ours, ours._replace(pictures=others.pictures))
    assert found.labels_equal and not found.cached_equal
    found.compare(plain, others, others)
    assert not found.labels_equal and max(largest for largest, _ in found.differences) > 50


def assert_complete(output: str, images: int, repeats: int) -> None:
    for kind in (TRAINING, TEST):
        part = output[output.index(f"{kind} input, ") :]
        for row in (*STAGES, "together", "times as many as plain"):
            assert re.search(rf"^  {re.escape(row)}( +\d+\.\d\d){{3}}$", part, re.M), row
        assert re.search(r"^  images/s per core( +\d+){3}$", part, re.M)
        assert re.search(r"^  \.\.\. if a GPU normalises( +\d+\.\d\d){2}$", part, re.M)
        assert "labels: identical" in part and "from the cache identical" in part
        compared = re.search(r"pictures: (\d+) compared.*difference (\d+), mean (\d+\.\d+)", part)
        assert compared and int(compared[1]) == images * repeats
        assert int(compared[2]) <= 2 * (kind == TRAINING) and float(compared[3]) <= 0.5
        assert f"the cache: {images} pictures are kept" in part
        assert re.search(rf"cores for a GPU that takes 700 {kind} images/s.*: plain \d+\.\d, bench", output)
    assert "DIFFERENT" not in output


FAST = ("--repeats", "2", "--images-per-second", "700")


def test_the_command_on_made_pictures(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "input", "--images", "3", "--out", "speed.json", *FAST)
    assert done.exit_code == 0, done.output
    assert "3 images of made data" in done.output
    assert_complete(done.output, images=3, repeats=2)
    report = load(tmp_path / "speed.json")
    assert report.part == "input" and [len(figure.values) for figure in report.figures] == [2, 2, 2, 2]
    assert all(figure.bound and len(figure.beside) == 2 for figure in report.figures)
    assert report.notes[0] == "3 images of made data at 448x448"


def test_the_command_on_a_data_set(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=6, test=2, size=(200, 150))
    arguments = ("--data", "voc2007", "--images", "4", "--image-size", "96", *FAST)
    done = bench(tmp_path / "run", tmp_path / "data", "profile", "input", *arguments)
    assert done.exit_code == 0, done.output
    assert "4 images of voc2007" in done.output and "96x96" in done.output
    assert_complete(done.output, images=4, repeats=2)
    kept = tmp_path / "run" / "work" / "pictures"
    assert not kept.exists(), "the cache that is measured is not the one of the work folder"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "voc2070"), "voc2070"),
        (("--images-per-second", "0"), "'--images-per-second'"),
        (("--images", "1"), "'--images'"),
    ],
)
def test_what_cannot_be_measured_is_named(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "input", *arguments)
    assert done.exit_code == 2 and message in done.output


def test_real_photographs_are_fed_the_same(shared: Path, backbone: Backbone) -> None:
    root = shared / "realdata"
    files = [str(path.relative_to(root)) for path in sorted((root / "coco").rglob("*.jpg"))[::20]]
    index = SplitIndex(
        tuple(files), root, tuple(files), np.ones((len(files), 2), np.int8), np.zeros(len(files), np.uint32)
    )
    for epoch in range(2):
        plain = plain_batch(Asked(index, epoch, list(range(len(index))), SIDE), Stopwatch())
        ours = bench_batch(Asked(index, epoch, list(range(len(index))), SIDE), backbone, Stopwatch())
        for theirs, pixels in zip(plain.pictures, ours.pictures, strict=True):
            apart = np.abs(pixels.astype(int) - theirs)
            assert apart.max() <= 2 and apart.mean() <= 0.5
