"""Label vectors from files of word vectors, arrays and chance; kept, and recorded."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.classes import COCO_CLASSES, NUSWIDE_CONCEPTS, VOC_CLASSES
from bench.errors import UserError
from bench.methods.vectors.label_vectors import label_vectors
from bench.methods.vectors.source import LABEL_SETS
from bench.methods.vectors.words import spelt
from bench.records.store import RecordStore
from bench_command import bench
from made_records import made_cell, made_record
from word_files import read, write_glove, write_words


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".vec", ".vec.gz", ".bin", ".bin.gz"])
def test_a_name_is_the_mean_of_its_words_in_every_kind_of_file(suffix: str, tmp_path: Path) -> None:
    file = write_words(tmp_path / f"words{suffix}")
    made = read(file, ("tvmonitor", "dining_table", "Dog"), tmp_path)
    assert made.values.dtype == np.float32
    assert made.values.tolist() == [[0.5, 0.5, 0], [0, 2, 1.5], [0.25, 0, 2]]
    assert made.made_of == ("tv monitor", "dining table", "dog")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("diningtable", "dining table"),
        ("pottedplant", "potted plant"),
        ("tvmonitor", "tv monitor"),
        ("traffic light", "traffic light"),
        ("Baseball_Bat", "baseball bat"),
        ("t-shirt/top, white", "t shirt top white"),
    ],
)
def test_names_are_split_into_words(name: str, words: str) -> None:
    assert spelt(name) == words


def test_the_published_class_names_are_ordinary_words() -> None:
    assert [name for name in VOC_CLASSES if spelt(name) != name] == [
        "diningtable",
        "pottedplant",
        "tvmonitor",
    ]
    assert all(spelt(name) == name for name in (*COCO_CLASSES, *NUSWIDE_CONCEPTS))


def test_another_spelling_is_taken_only_where_the_word_itself_is_absent(tmp_path: Path) -> None:
    names = ("aeroplane", "motorbike", "tvmonitor")
    both = {"aeroplane": (1, 1), "airplane": (2, 2), "motorcycle": (3, 3), "tv": (4, 4), "monitor": (5, 5)}
    made = read(write_glove(tmp_path / "both.txt", {**both, "tvmonitor": (6, 6)}), names, tmp_path)
    assert made.made_of == ("aeroplane", "motorcycle", "tv monitor")
    assert made.values[:, 0].tolist() == [1, 3, 4.5]
    # Vectors that were trained on the names themselves.
    own = {"airplane": (2, 2), "motorbike": (3, 3), "tvmonitor": (6, 6), "tv": (4, 4)}
    made = read(write_glove(tmp_path / "own.txt", own), names, tmp_path)
    assert made.made_of == ("airplane", "motorbike", "tvmonitor")


def test_all_words_without_a_vector_are_listed_with_their_classes(tmp_path: Path) -> None:
    names = ("dog", "fire hydrant", "fire", "tv set", "aeroplane", "???")
    with pytest.raises(UserError) as caught:
        read(write_glove(tmp_path / "words.txt"), names, tmp_path)
    message = str(caught.value)
    assert "no vector for: 'fire' (fire hydrant, fire), 'hydrant' (fire hydrant), 'set' (tv set), " in message
    assert "'aeroplane' or 'airplane' (aeroplane), 'no word' (???);" in message and "dog" not in message


def test_words_with_spaces_are_stepped_over(tmp_path: Path) -> None:
    """As glove.840B.300d has them; the second begins with the name of a class."""
    file = tmp_path / "glove.txt"
    file.write_text(", 1 2 3\n. . . 4 5 6\ndog name@domain.com 7 8 9\ndog 0.5 0.25 -1e-2\nwörld 1 1 1\n")
    assert read(file, ("dog",), tmp_path).values.tolist() == [[0.5, 0.25, np.float32(-0.01)]]
    assert read(file, ("Wörld",), tmp_path).values.tolist() == [[1, 1, 1]]


def test_the_first_of_equal_words_counts(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_text("dog 1 2\ndog 3 4\ncat 5 6\n")
    assert read(file, ("dog", "cat"), tmp_path).values.tolist() == [[1, 2], [5, 6]]


def coco_table() -> NDArray[np.float32]:
    return np.arange(80, dtype=np.float32)[:, None] + np.array([0.0, 0.5], np.float32)


def test_named_vectors_are_found_whatever_their_order(tmp_path: Path) -> None:
    """The published COCO vectors of ML-GCN are in alphabetical order, the classes by category id."""
    alphabetical = sorted(COCO_CLASSES)
    np.savez(tmp_path / "coco.npz", labels=alphabetical, vectors=coco_table())
    made = read(tmp_path / "coco.npz", COCO_CLASSES, tmp_path)
    assert made.made_of == COCO_CLASSES
    assert made.values[:, 0].tolist() == [alphabetical.index(name) for name in COCO_CLASSES]


def test_named_vectors_are_found_by_their_words_too_and_an_equal_name_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    labels = ["dining_table", "tv monitor", "tvmonitor", "cat"]
    np.savez(file, names=np.array(labels, "S20"), vectors=np.arange(8.0).reshape(4, 2))
    made = read(file, ("tvmonitor", "diningtable"), tmp_path)
    assert made.made_of == ("tvmonitor", "dining_table") and made.values[:, 0].tolist() == [4, 0]
    with pytest.raises(UserError, match=r"no vector for: dog, boat;"):
        read(file, ("dog", "cat", "boat"), tmp_path)


def test_one_of_several_arrays_is_named_behind_the_file(tmp_path: Path) -> None:
    file = tmp_path / "two.npz"
    np.savez(file, labels=["cat", "dog"], glove=np.eye(2), bert=np.ones((2, 3)), other=np.ones((5, 2)))
    made = read(f"{file}:bert", ("dog",), tmp_path)
    assert made.values.tolist() == [[1, 1, 1]] and made.identity().startswith("two.npz:bert:")
    assert read(f"{file}:glove", ("dog",), tmp_path).values.tolist() == [[0, 1]]
    with pytest.raises(UserError, match=r"glove 2 x 2 and bert 2 x 3: name one .* two\.npz:glove"):
        read(file, ("dog",), tmp_path)
    with pytest.raises(UserError, match=r"no array of vectors 'other'.* it has glove 2 x 2 and bert"):
        read(f"{file}:other", ("dog",), tmp_path)


def test_rows_without_names_are_taken_in_order_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.npy"
    np.save(file, np.arange(6, dtype=np.float64).reshape(3, 2))
    assert read(file, ("a", "b", "c"), tmp_path).values.tolist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(UserError, match="is an array of 3 x 2, but there are 2 classes"):
        read(file, ("a", "b"), tmp_path)


def test_random_vectors_follow_from_the_name_alone(tmp_path: Path) -> None:
    made = read("random", ("cat", "dog", "boat"), tmp_path)
    again = read("random", ("boat", "cat"), tmp_path / "other")
    assert made.values.shape == (3, 300) and made.identity() == f"random:{made.digest()}"
    assert (made.values[[2, 0]] == again.values).all() and (made.values[0] != made.values[1]).all()
    assert abs(made.values.mean()) < 0.1 and abs(made.values.std() - 1) < 0.1
    # The same on every machine: records of two of them are compared by this.
    assert np.allclose(made.values[0, :3], [0.506294, -1.005986, 0.423895], atol=1e-5)


def test_a_file_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    file = write_glove(tmp_path / "w.txt", {"dog": (1, 2)})
    os.utime(file, ns=(1, 1))
    first = read(file, ("dog",), tmp_path)
    write_glove(file, {"dog": (3, 4)})
    os.utime(file, ns=(1, 1))
    assert read(file, ("dog",), tmp_path).values.tolist() == [[1, 2]]
    os.utime(file, ns=(2, 2))
    second = read(file, ("dog",), tmp_path)
    assert second.values.tolist() == [[3, 4]] and second.kept != first.kept
    second.kept.write_bytes(second.kept.read_bytes()[:50])
    assert read(file, ("dog",), tmp_path).values.tolist() == [[3, 4]]


def test_vectors_of_label_sets_are_trained_again_by_another_gensim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.array([[1, 0], [1, 1]], np.int8)
    first = label_vectors(LABEL_SETS, ("dog", "cat"), labels, tmp_path)
    assert label_vectors(LABEL_SETS, ("dog", "cat"), labels, tmp_path).kept == first.kept
    monkeypatch.setattr("bench.methods.vectors.label_vectors.version", lambda package: "0")
    assert label_vectors(LABEL_SETS, ("dog", "cat"), labels, tmp_path).kept != first.kept


def test_what_is_kept_is_a_source_of_the_same_vectors(tmp_path: Path) -> None:
    first = read(write_glove(tmp_path / "w.txt"), ("dog", "tvmonitor"), tmp_path)
    second = read(first.kept, ("dog", "tvmonitor"), tmp_path)
    assert second.digest() == first.digest() and second.source.origin == first.kept.name


def test_a_run_is_known_by_the_values_and_its_record_names_the_file(tmp_path: Path) -> None:
    def cell(folder: str, name: str, number: float) -> str:
        file = write_glove(tmp_path / folder / name, {"dog": (number, 1)})
        return read(file, ("dog",), tmp_path).identity()

    one, moved, renamed, other = (
        cell(*x) for x in (("a", "w.txt", 1), ("b", "w.txt", 1), ("a", "v.txt", 1), ("c", "w.txt", 2))
    )
    assert one == moved and one.startswith("w.txt:") and renamed.startswith("v.txt:")
    keys = {made_cell(vectors=vectors).key() for vectors in (one, renamed, one.removeprefix("w.txt:"))}
    conditions = {made_cell(vectors=vectors).conditions() for vectors in (one, renamed)}
    assert len(keys) == len(conditions) == 1
    assert made_cell(vectors=other).key() not in keys
    record = RecordStore(tmp_path / "results").save(*made_record(made_cell(vectors=one)))
    shown = bench(tmp_path, None, "show", record.run_id)
    assert f" {one}\n" in shown.output
