"""Validation splits: carved from the training split, official where there is one, and nothing of the test."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.catalog import DATASETS, share
from bench.datasets.open import open_dataset
from bench.errors import UserError
from trees import write_own_csv, write_voc


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


def test_the_official_lists_are_used_where_there_are_some(tmp_path: Path) -> None:
    write_voc(tmp_path, train=24, test=4)
    test, validation = (open_dataset("voc2007", tmp_path, on=on) for on in ("test", "validation"))
    assert validation.train.ids == test.train.ids[:12] and validation.eval.ids == test.train.ids[12:]
    assert (validation.info.train_split, validation.info.eval_split) == ("train", "val")
    assert validation.fingerprint() != test.fingerprint()


def test_the_test_split_need_not_be_there(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=24, test=4)
    (devkit / "ImageSets" / "Main" / "test.txt").unlink()
    assert len(open_dataset("voc2007", tmp_path, on="validation").eval) == 12
    with pytest.raises(UserError, match=r"test\.txt"):
        open_dataset("voc2007", tmp_path)


def test_any_other_data_set_gives_a_stratified_share(tmp_path: Path) -> None:
    write_voc(tmp_path, train=120, test=4)
    dataset = open_dataset("voc2007-train-val", tmp_path, on="validation")
    whole = open_dataset("voc2007-train-val", tmp_path)
    assert (len(whole.train), len(dataset.train), len(dataset.eval)) == (60, 48, 12)
    assert sorted({*dataset.train.ids, *dataset.eval.ids}) == sorted(whole.train.ids)
    again = open_dataset("voc2007-train-val", tmp_path, on="validation")
    assert again.eval.ids == dataset.eval.ids, "seeded"
    # person is in every other picture
    person = DATASETS["voc2007"].classes.index("person")
    assert (dataset.eval.labels[:, person] == 1).sum() == 6


def test_the_images_that_cannot_be_used_move_no_other(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=120, test=4)
    whole = open_dataset("voc2007-train-val", tmp_path, on="validation")
    lost = whole.eval.ids[3]
    (devkit / "JPEGImages" / f"{lost}.jpg").unlink()
    left = open_dataset("voc2007-train-val", tmp_path, on="validation", skip_bad=True)
    assert left.train.ids == whole.train.ids
    assert left.eval.ids == tuple(image for image in whole.eval.ids if image != lost)
    assert [problem.image for problem in left.skipped] == [lost]


def test_an_epoch_may_be_chosen_on_one_while_the_test_split_is_evaluated(tmp_path: Path) -> None:
    write_voc(tmp_path, train=24, test=5)
    plain = open_dataset("voc2007", tmp_path)
    choosing = open_dataset("voc2007", tmp_path, choose=True)
    assert choosing.eval.ids == plain.eval.ids
    assert choosing.chosen_on is not None and plain.chosen_on is None
    assert (*choosing.train.ids, *choosing.chosen_on.ids) == plain.train.ids
    # Where the validation split is evaluated, it is what is chosen on.
    assert open_dataset("voc2007", tmp_path, on="validation", choose=True).chosen_on is None


def test_a_drawn_split_is_carved_too(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path, images=240, split=False)
    text = own.read_text()
    assert "splits" in text
    dataset, whole = (open_dataset(str(own), on=on) for on in ("validation", "test"))
    assert {*dataset.train.ids, *dataset.eval.ids} == {*whole.train.ids}
    assert not {*dataset.eval.ids} & {*whole.eval.ids}
    assert len(dataset.eval) == round(len(whole.train) * 0.1)


def test_a_validation_split_of_a_handful_is_refused(tmp_path: Path) -> None:
    write_voc(tmp_path, train=12, test=4)
    for options in ({"on": "validation"}, {"choose": True}):
        with pytest.raises(UserError, match=r"would have 6 images, and fewer than 10 are too few"):
            open_dataset("voc2007", tmp_path, **options)  # type: ignore[arg-type]


def test_its_counts_are_those_that_are_published() -> None:
    assert share("voc2007", "train", 2501, "validation") == "2501"
    assert share("voc2007", "eval", 2508, "validation") == "2508 of 2,510"
    assert share("voc2007-train-val", "eval", 500, "validation") == "500"


def test_the_real_trainval(shared: Path) -> None:
    root = shared / "realdata" / "voc2007_trainval"
    dataset = open_dataset("voc2007-train-val", root, skip_bad=True)
    assert (len(dataset.train), len(dataset.eval)) == (2500, 2508)
    assert {problem.image for problem in dataset.skipped} == {"009623", "005042", "007284"}
    validation = open_dataset("voc2007-train-val", root, skip_bad=True, on="validation")
    assert len(validation.train) + len(validation.eval) == 2500
    shares = [(one.labels == 1).mean(axis=0) for one in (validation.train, validation.eval)]
    np.testing.assert_allclose(*shares, atol=0.03)


@pytest.mark.parametrize(("train", "images"), [(2, "0 images"), (4, "0 images"), (12, "1 image")])
def test_a_share_of_a_few_images_is_refused(train: int, images: str, tmp_path: Path) -> None:
    """Of one or two images the share holds none, so that no split can be drawn."""
    write_voc(tmp_path, train=train, test=4)
    for more in ({"on": "validation"}, {"choose": True}):
        with pytest.raises(UserError) as raised:
            open_dataset("voc2007-train-val", tmp_path, **more)  # type: ignore[arg-type]
        assert str(raised.value) == (
            f"A validation split of train of voc2007-train-val would have {images}, and fewer than 10 are "
            "too few to choose on; add images to train, or evaluate on val."
        )
