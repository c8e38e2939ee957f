"""`bench profile data` measures what training does, and compares it with the plain pipeline."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets.feed import TrainingImages, collate
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.transforms import Augmentation
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.profile.index_load import measure_index
from bench.profile.photographs import make_photographs
from bench.profile.training_input import SEED, STAGES, Stopwatch, bench_batch, measure_input, plain_batch
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
        plain = plain_batch(assorted, epoch, positions, SIDE, Stopwatch())
        ours = bench_batch(assorted, epoch, positions, SIDE, backbone, Stopwatch())
        assert torch.equal(plain.labels, ours.labels)
        assert plain.inputs.shape == ours.inputs.shape == (len(positions), 3, SIDE, SIDE)
        for position, (theirs, pixels) in enumerate(zip(plain.pictures, ours.pictures, strict=True)):
            apart = np.abs(pixels.astype(int) - theirs)
            assert apart.max() <= 2 and apart.mean() <= 0.5, assorted.ids[position]


def test_the_inputs_are_the_normalised_pictures(made: SplitIndex, backbone: Backbone) -> None:
    mean, std = backbone.mean.double(), backbone.std.double()
    batches = (
        plain_batch(made, 1, [0, 2], SIDE, Stopwatch()),
        bench_batch(made, 1, [0, 2], SIDE, backbone, Stopwatch()),
    )
    for batch in batches:
        pictures = torch.from_numpy(np.stack(batch.pictures)).permute(0, 3, 1, 2).double()
        assert (batch.inputs - (pictures / 255 - mean) / std).abs().max() < 1e-5


def test_what_is_measured_is_what_training_is_fed(assorted: SplitIndex, backbone: Backbone) -> None:
    positions, epoch = [5, 0, 3], 2
    images = TrainingImages(assorted, Augmentation(SIDE, "multi-scale", flip=True), SEED)
    batch = collate([images[epoch, position] for position in positions])
    found = bench_batch(assorted, epoch, positions, SIDE, backbone, Stopwatch())
    assert torch.equal(found.inputs, backbone.normalize(batch.images))
    assert torch.equal(found.labels, batch.labels)


def test_every_stage_is_timed_in_every_repeat(made: SplitIndex) -> None:
    threads = torch.get_num_threads()
    found = measure_input(made, 64, repeats=2)
    assert torch.get_num_threads() == threads
    for watches in (found.plain, found.bench):
        assert len(watches) == 2
        assert all(watch.seconds[stage] > 0 for watch in watches for stage in STAGES)
    assert len(found.differences) == 6 and found.labels_equal
    assert found.milliseconds()[0] == pytest.approx(sum(found.milliseconds((s,))[0] for s in STAGES))


def test_a_wrong_label_and_a_wrong_picture_are_noticed(made: SplitIndex, backbone: Backbone) -> None:
    found = measure_input(made, 64, repeats=1)
    plain = plain_batch(made, 0, [0, 1], 64, Stopwatch())
    ours = bench_batch(made, 0, [1, 0], 64, backbone, Stopwatch())
    found.compare(plain, ours)
    assert not found.labels_equal and max(largest for largest, _ in found.differences) > 50


def test_made_photographs_are_like_photographs(made: SplitIndex, tmp_path: Path) -> None:
    sizes = [made.path(position).stat().st_size for position in range(len(made))]
    assert all(80_000 < size < 130_000 for size in sizes) and len(set(sizes)) == len(sizes)
    again = make_photographs(tmp_path, 1)
    assert again.path(0).read_bytes() == made.path(0).read_bytes()


def test_the_index_is_loaded_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = measure_index(tmp_path, images=3000)
    assert found.seconds > 0
    # At least the labels, which are an array of bytes.
    assert found.peak_bytes > 3000 * 81 > found.file_bytes > 3000


def assert_complete(output: str, images: int, repeats: int) -> None:
    for row in (*STAGES, "together", "images/s per core", "... if a GPU normalises"):
        assert re.search(rf"^  {re.escape(row)} .* \d+\.\d\d$", output, re.M), row
    assert output.count(",", output.index("ratio in each repeat")) >= repeats - 1
    assert "labels: identical" in output
    compared = re.search(r"pictures: (\d+) compared, largest difference (\d+), mean (\d+\.\d+)", output)
    assert compared and int(compared[1]) == images * repeats
    assert int(compared[2]) <= 2 and float(compared[3]) <= 0.5
    assert re.search(r"loaded in \d+\.\d\d s, with \d+ MB", output)
    assert re.search(rf"check of {16 * images} files", output)
    assert re.search(r"\d+ images/s; decoding alone: \d+ images/s; ratio \d+\.\d\d", output)


def test_the_command_on_made_pictures(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "data", "--images", "3", "--repeats", "2")
    assert done.exit_code == 0, done.output
    assert "3 images of made data" in done.output
    assert_complete(done.output, images=3, repeats=2)


def test_the_command_on_a_data_set(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=6, test=2, size=(200, 150))
    arguments = ("--data", "voc2007", "--images", "4", "--repeats", "1", "--image-size", "96")
    done = bench(tmp_path / "run", tmp_path / "data", "profile", "data", *arguments)
    assert done.exit_code == 0, done.output
    assert "4 images of voc2007" in done.output and "96x96" in done.output
    assert_complete(done.output, images=4, repeats=1)


def test_an_unknown_data_set_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "data", "--data", "voc2070")
    assert done.exit_code == 2 and "voc2070" in done.output


def test_real_photographs_are_fed_the_same(shared: Path, backbone: Backbone) -> None:
    root = shared / "realdata"
    files = [str(path.relative_to(root)) for path in sorted((root / "coco").rglob("*.jpg"))[::20]]
    index = SplitIndex(
        tuple(files), root, tuple(files), np.ones((len(files), 2), np.int8), np.zeros(len(files), np.uint32)
    )
    for epoch in range(2):
        plain = plain_batch(index, epoch, list(range(len(index))), SIDE, Stopwatch())
        ours = bench_batch(index, epoch, list(range(len(index))), SIDE, backbone, Stopwatch())
        for theirs, pixels in zip(plain.pictures, ours.pictures, strict=True):
            apart = np.abs(pixels.astype(int) - theirs)
            assert apart.max() <= 2 and apart.mean() <= 0.5
