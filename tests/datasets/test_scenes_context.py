"""The splits of `scenes` for context: labels co-occur as in training, by chance, or the other way round."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.catalog import DATASETS, OUT_OF_CONTEXT
from bench.datasets.contract import DatasetContract
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.datasets.scenes.context import STRENGTH, label_sets
from bench.datasets.scenes.draw import CLASSES, draw_labels, draw_scene_type
from bench.datasets.scenes.generator import CONTEXT_SIZES, SIZES, generate

FEW = {"train": 7, "val": 3, **dict.fromkeys(STRENGTH, 4)}
NAMES = {split: f"scenes-{split}" for split in STRENGTH}


def drawn(seed: int, images: int = 400) -> dict[str, NDArray[np.bool_]]:
    rng = np.random.Generator(np.random.PCG64(seed))
    training = np.stack([draw_labels(draw_scene_type(rng)[1], rng) for _ in range(2 * images)])
    return {"training": training, **label_sets(training, images, rng)}


def co_occurrence(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """The correlation of every two classes."""
    matrix = np.corrcoef((labels == 1).astype(float).T)
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def likeness(one: NDArray[np.integer], other: NDArray[np.integer]) -> float:
    return float(np.corrcoef(co_occurrence(one), co_occurrence(other))[0, 1])


def test_the_sets_have_the_same_number_of_each_class_and_of_labels_to_a_picture() -> None:
    sets = drawn(3)
    alike = sets["alike"]
    for split in STRENGTH:
        assert sets[split].shape == (400, len(CLASSES))
        assert (sets[split].sum(axis=0) == alike.sum(axis=0)).all()
        assert (np.bincount(sets[split].sum(axis=1)) == np.bincount(alike.sum(axis=1))).all()
        assert sets[split].any(axis=1).all()


def test_the_same_draws_give_the_same_sets() -> None:
    first, second, other = drawn(3, 60), drawn(3, 60), drawn(4, 60)
    for split in STRENGTH:
        assert (first[split] == second[split]).all()
        assert (first[split] != other[split]).any()


def test_training_pictures_are_those_of_scenes_and_no_test_picture_is(tmp_path: Path) -> None:
    generate(tmp_path, sizes={"train": 7, "val": 3, "test": 5})
    generate(tmp_path, sizes=FEW)
    plain, context = ((tmp_path / "VOCdevkit" / year) for year in ("Scenes", "ScenesContext"))
    files = {path.name: path.read_bytes() for path in (plain / "JPEGImages").iterdir()}
    others = {path.name: path.read_bytes() for path in (context / "JPEGImages").iterdir()}
    shared = files.keys() & others.keys()
    assert shared == {f"{number:06d}.jpg" for number in range(1, 11)}
    assert all(files[name] == others[name] for name in shared)
    assert len(set(others.values())) == len(others) == 22
    for split in ("train", "val", "trainval"):
        lists = [(folder / "ImageSets" / "Main" / f"{split}.txt").read_text() for folder in (plain, context)]
        assert lists[0] == lists[1]


def test_drawn_twice_it_is_the_same(tmp_path: Path) -> None:
    for place in ("one", "two"):
        generate(tmp_path / place, sizes=FEW)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) > 2 * 22
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


@pytest.mark.parametrize("sizes", [{**FEW, "reversed": 5}, {**FEW, "alike": 0}, {**SIZES, "alike": 4}])
def test_sizes_that_cannot_be(sizes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sizes"):
        generate(tmp_path, sizes=sizes)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def opened(work: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, DataSet]:
    monkeypatch.setenv("BENCH_WORK", str(work))
    return {split: open_dataset(name) for split, name in NAMES.items()}


@pytest.mark.slow
def test_painted_pictures_co_occur_as_their_split_says(opened: dict[str, DataSet]) -> None:
    """What is counted are the labels that a reader finds, after some objects were hidden by others."""
    training = opened["alike"].train.labels
    assert len(training) == 800
    found = {split: likeness(training, dataset.eval.labels) for split, dataset in opened.items()}
    assert found["alike"] > 0.9
    assert abs(found["independent"]) < 0.2
    assert found["reversed"] < -0.7
    spread = {split: np.abs(co_occurrence(dataset.eval.labels)).mean() for split, dataset in opened.items()}
    by_chance = np.abs(co_occurrence(shuffled(opened["alike"].eval.labels))).mean()
    assert spread["alike"] > 1.5 * by_chance > spread["independent"]


def shuffled(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Every class in an order of its own: as many positives, and independent."""
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(column) for column in labels.T], axis=1)


@pytest.mark.slow
def test_painted_pictures_have_classes_as_often_in_every_split(opened: dict[str, DataSet]) -> None:
    counts = np.array([(dataset.eval.labels == 1).sum(axis=0) for dataset in opened.values()])
    assert {len(dataset.eval) for dataset in opened.values()} == {CONTEXT_SIZES["alike"]}
    assert counts.min() >= 20
    # Which objects are hidden by others is a matter of luck: a few of each class.
    assert np.ptp(counts, axis=0).max() <= 12
    assert np.ptp(counts.sum(axis=1)) / counts.sum(axis=1).mean() < 0.04
    training = np.array([(dataset.train.labels == 1).sum(axis=0) for dataset in opened.values()])
    assert (training == training[0]).all()


@pytest.mark.slow
def test_the_data_sets_differ_in_their_test_pictures_alone(opened: dict[str, DataSet]) -> None:
    prints = [dataset.fingerprint().split("-") for dataset in opened.values()]
    assert len({train for train, _ in prints}) == 1
    assert len({test for _, test in prints}) == len(STRENGTH)
    assert set(NAMES.values()) == OUT_OF_CONTEXT.keys() < DATASETS.keys()
    assert {less.than for less in OUT_OF_CONTEXT.values()} == {"scenes", NAMES["alike"]}


@pytest.mark.slow
class TestReversed(DatasetContract):
    labels = {"000001": {"lamp": 1, "person": 1}, "000002": {"ball": 1, "bicycle": 1, "bird": 1, "dog": 1}}

    @pytest.fixture(autouse=True)
    def _drawn_once(self, work: Path) -> None:
        self.work = work

    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
        monkeypatch.setenv("BENCH_WORK", str(self.work))
        return open_dataset(NAMES["reversed"])
