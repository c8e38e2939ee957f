"""Limits on a picture: the pixels it may have, the seconds it may take; and nothing is printed besides."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets.feed import Batch, EvalImages, loader
from bench.datasets.open import open_dataset
from bench.datasets.pictures.crop import read_part
from bench.datasets.pictures.read import read_image, verify_image
from bench.errors import UserError
from bench_command import bench, own_environment, own_process
from trees import write_own_csv, write_picture

RUN = ("run", "--methods", "resnet", "--data", "own.yaml", "--backbone", "timm/test_byobnet")
# More than twice Pillow's number, which is where it refuses.
LARGE = (13_400, 13_400)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_own_csv(tmp_path)
    return tmp_path


def write_slow(path: Path) -> None:
    """A real picture that takes Pillow a minute, because it scales the values of a PGM one by one."""
    with path.open("wb") as file:
        file.write(b"P5 8000 8000 100\n")
        file.truncate(file.tell() + 64_000_000)


@pytest.mark.slow
def test_a_decoder_that_takes_too_long_is_ended_and_its_file_named(own: Path) -> None:
    write_slow(own / "photos" / "4.jpg")
    (own / ".bench.yaml").write_text("max_seconds: 4\n")
    reason = "4.jpg: cannot be read: its decoder was ended after 4 seconds"
    checked = bench(own, None, "data", "check", "own.yaml")
    assert checked.exit_code == 1 and reason in checked.output
    assert "1 files cannot be used" in checked.output
    refused = bench(own, None, *RUN, "--dry-run")
    assert refused.exit_code == 2 and reason in refused.output


def test_a_healthy_picture_of_many_pixels_is_named_with_the_setting_that_reads_it(own: Path) -> None:
    path = own / "photos" / "4.jpg"
    Image.new("L", LARGE).save(path)
    refused = bench(own, None, "data", "check", "own.yaml")
    assert refused.exit_code == 1
    assert "4.jpg: cannot be read: it has more than the 178,956,970 pixels" in refused.output
    assert "max_pixels into .bench.yaml" in refused.output and "damaged" not in refused.output
    (own / ".bench.yaml").write_text("max_pixels: 180000000\n")
    accepted = bench(own, None, "data", "check", "own.yaml")
    assert accepted.exit_code == 0, accepted.output
    before = Image.MAX_IMAGE_PIXELS
    # At an eighth of its size, as training does.
    assert read_part(path, lambda size: (0, 0, *size), 64).shape == (64, 64, 3)
    assert before == Image.MAX_IMAGE_PIXELS, "pictures that others open keep their limit"


def test_a_lower_limit_reaches_every_process(own: Path) -> None:
    dataset = open_dataset("own.yaml")
    (own / ".bench.yaml").write_text("max_pixels: 1000\n")
    for look in (read_image, verify_image, lambda path: read_part(path, lambda size: (0, 0, *size), 64)):
        with pytest.raises(OSError, match="more than the 1,000 pixels"):
            look(dataset.train.path(0))
    with pytest.raises(UserError, match="12 files of own cannot be used"):
        open_dataset("own.yaml")
    images = loader(EvalImages(dataset.eval, 32), 2, torch.device("cpu"), batch_size=2)
    with pytest.raises(OSError, match="more than the 1,000 pixels"):
        next(iter(images))
    (own / ".bench.yaml").write_text("max_pixels: 2000\n")
    batch = next(iter(loader(EvalImages(dataset.eval, 32), 2, torch.device("cpu"), batch_size=2)))
    assert isinstance(batch, Batch) and len(batch.ids) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_pixels: many", "'max_pixels' is 'many'"),
        ("max_seconds: 0", "'max_seconds' is 0"),
        ("picture_cache: -1", "'picture_cache' is -1"),
        ("picture_cache: 0.1", "'picture_cache' is 0.1: should be 1 at least, or 0 to keep no pictures."),
        ("picture_cache: much", "'picture_cache' is 'much'"),
    ],
)
def test_a_wrong_limit_is_named(text: str, message: str, own: Path) -> None:
    (own / ".bench.yaml").write_text(text)
    done = bench(own, None, "data", "check", "own.yaml")
    assert done.exit_code == 2 and "In .bench.yaml" in done.output and message in done.output


def test_python_warnings_do_not_reach_the_user(own: Path) -> None:
    photos = own / "photos"
    # Pillow warns of each: more than its number of pixels, transparency in a palette.
    Image.new("L", (10_000, 10_000)).save(photos / "1.jpg")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    palette = noise.convert("P", palette=Image.Palette.ADAPTIVE, colors=6)
    palette.save(photos / "2.jpg", "PNG", transparency=b"\x00\x80\xff")
    for command in (("data", "check", "own.yaml"), (*RUN, "--dry-run", "--weights", "none")):
        environment = own_environment(own, own) | {"PYTHONWARNINGS": "always"}
        line = own_process(*command)
        done = subprocess.run(line, cwd=own, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PIL" not in done.stderr + done.stdout and "site-packages" not in done.stderr


def test_pictures_of_nearly_one_value_are_noted(own: Path) -> None:
    for number in (0, 5):
        Image.new("RGB", (48, 36), (9, 9, 9)).save(own / "photos" / f"{number}.jpg")
    night = np.zeros((48, 36, 3), np.uint8)
    night[:6, :6] = 200
    Image.fromarray(night).save(own / "photos" / "7.jpg", "PNG")
    note = "note: 2 of 12 pictures of own are nearly one value, 0.jpg for one"
    for _ in range(2):  # read, and from the cache
        checked = bench(own, None, "data", "check", "own.yaml")
        assert checked.exit_code == 0 and note in checked.output
    assert note in bench(own, None, *RUN, "--dry-run").output
    for number in (0, 5):
        write_picture(own / "photos" / f"{number}.jpg", seed=number)
    assert "note" not in bench(own, None, "data", "check", "own.yaml").output
