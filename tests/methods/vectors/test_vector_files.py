"""Files of vectors that are not what they should be, `glove` and `word2vec`, and `bench labels vectors`."""

import gzip
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.classes import COCO_CLASSES, NUSWIDE_CONCEPTS, VOC_CLASSES
from bench.errors import UserError
from bench.methods.vectors.source import VectorSource, vector_source
from bench_command import TINY, bench
from trees import write_voc
from word_files import read, write_glove, write_words


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("BENCH_DATA_ROOT", "BENCH_WORK"):
        monkeypatch.delenv(name, raising=False)


def contents(name: str) -> bytes:
    return write_words(Path("made") / name).read_bytes()


def refusal(source: str, names: tuple[str, ...] = ("dog", "cat")) -> str:
    with pytest.raises(UserError) as caught:
        read(source, names, Path())
    message = str(caught.value)
    assert source.partition(":")[0] in message and message.endswith(".") and "\n" not in message
    return message


BAD: dict[str, tuple[bytes | str, str]] = {
    # name: its content, or a good file to take it from; what is said
    "empty.txt": (b"", "is empty"),
    "empty.vec": (b"", "is empty"),
    "empty.bin": (b"", "is empty"),
    "empty.txt.gz": (gzip.compress(b""), "is empty"),
    "empty.npy": (b"", "cannot be read as arrays"),
    "empty.npz": (b"", "cannot be read as arrays"),
    "prose.txt": (b"Once upon a time\nthere was a dog\n", "its first line is not a word and numbers"),
    "words.txt": (b"dog\ncat\n", "its first line is not a word and numbers"),
    "picture.txt": (b"\x89PNG\r\n\x1a\n\0\0\0", "its first line is not a word and numbers"),
    "is_vec.txt": ("w.vec", "is a word2vec file: call it .vec (text) or .bin (binary)"),
    "is_bin.txt": ("w.bin", "is a word2vec file: call it .vec (text) or .bin (binary)"),
    "is_gz.txt": ("w.txt.gz", "its first line is not a word and numbers"),
    "is_text.txt.gz": ("w.txt", "is damaged: Not a gzipped file"),
    "is_glove.vec": ("w.txt", "GloVe text, which has no such line, is called .txt"),
    "is_glove.bin": ("w.txt", "GloVe text, which has no such line, is called .txt"),
    "is_vec.bin": ("w.vec", "is text, not binary: call it .vec"),
    "no_numbers.vec": (b"3 0\ndog \ncat \n", "its first line is not the number of words and of dimensions"),
    "short.txt": (b"the 1 2 3\ndog 1 2\n", "Line 2 of short.txt has 2 numbers where 3 are expected"),
    "long.txt": (b"the 1 2 3\ndog 1 2 3 4\n", "Line 2 of long.txt has 4 numbers where 3 are expected"),
    "short.vec": (b"2 3\nthe 1 2 3\ndog 1 2\n", "Line 3 of short.vec has 2 numbers where 3 are expected"),
    "letters.txt": (b"the 1 2 3\ndog 1 x 3\n", "Line 2 of letters.txt holds something that is not a number"),
    "blank.txt": (b"the 1 2 3\n\ndog 1 2 3\n", "Line 2 of blank.txt has 0 numbers where 3 are expected"),
    "infinite.txt": (b"dog 1 inf 3\ncat 1 2 3\n", "are not finite for: dog"),
    "few.vec": (b"3 2\nthe 1 2\ndog 1 2\n", "it has 2 words where its first line says 3"),
    "many.bin": (
        b"99999999999 999999\ndog \0\0\0\0",
        "it has no room for the 99999999999 words",
    ),
    "other.pt": (b"", "is none of .txt (GloVe), .vec or .bin (word2vec), .npz (names and vectors) or .npy"),
    "folder.txt": ("", "does not exist"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence(name: str) -> None:
    content, message = BAD[name]
    if content == "":
        Path(name).mkdir()
    else:
        Path(name).write_bytes(contents(content) if isinstance(content, str) else content)
    assert message in refusal(name)


@pytest.mark.parametrize("name", ["w.bin", "w.bin.gz", "w.txt.gz", "w.vec.gz"])
def test_a_file_that_is_cut_is_damaged(name: str) -> None:
    Path(name).write_bytes(contents(name)[:-10])
    message = refusal(name, ("cat",))  # the last of the words
    assert "is damaged: " in message and "get it again" in message


def test_the_cause_of_missing_words_is_not_hidden_by_a_cut_text() -> None:
    Path("cut.txt").write_bytes(contents("w.txt")[:-8])
    assert "Line 7 of cut.txt has 0 numbers where 3" in refusal("cut.txt", ("cat",))


class Runs:
    """Makes a folder when it is unpickled, as an attacker's object would do worse."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-the-file",)


def test_nothing_that_can_run_code_is_loaded() -> None:
    objects = np.array([Runs(), Runs()], dtype=object)
    Path("vectors.pkl").write_bytes(pickle.dumps(Runs()))
    Path("pickled.npy").write_bytes(pickle.dumps(Runs()))
    np.save("objects.npy", objects)
    np.savez("objects.npz", labels=["dog", "cat"], vectors=objects)
    message = refusal("vectors.pkl")
    assert (
        "is a pickle, which can run code when it is read" in message and "numpy.savez(FILE, labels" in message
    )
    for name in ("pickled.npy", "objects.npy", "objects.npz"):
        assert "holds Python objects, which are not loaded because that can run code" in refusal(name)
    assert not Path("made-by-the-file").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.eye(2)}, "does not say which vector is whose"),
        ({"labels": np.eye(2), "vectors": np.eye(2)}, "does not say which vector is whose"),
        ({"labels": ["dog", "dog"], "vectors": np.eye(2)}, "names dog twice"),
        (
            {"labels": ["dog", "cat"], "vectors": np.eye(3)},
            "has no array of vectors, 2-D with a row per label",
        ),
        ({"labels": ["dog", "cat"], "vectors": np.array([["a"], ["b"]])}, "are not numbers"),
        ({"labels": ["dog", "cat"], "vectors": np.zeros((2, 0))}, "are not numbers, or none"),
        ({"labels": ["dog", "cat"], "vectors": np.full((2, 2), np.nan)}, "are not finite for: dog, cat"),
    ],
)
def test_bad_arrays_are_one_sentence(arrays: dict[str, Any], message: str) -> None:
    np.savez("x.npz", **arrays)
    assert message in refusal("x.npz")


def test_arrays_under_the_wrong_suffix() -> None:
    np.savez("x.npz", labels=["dog", "cat"], vectors=np.eye(2))
    np.save("y.npy", np.eye(2))
    Path("x.npz").rename("x.npy")
    Path("y.npy").rename("y.npz")
    assert "is a .npz file: call it .npz" in refusal("x.npy")
    assert "call it .npy" in refusal("y.npz")
    np.save("flat.npy", np.zeros(2))
    assert "is an array of 2, but there are 2 classes" in refusal("flat.npy")


def test_named_vectors_are_found_where_they_are_downloaded_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"no glove\.840B\.300d\.txt in .*: run `bench data download glove`"):
        vector_source("glove", Path("given"))
    name = "GoogleNews-vectors-negative300.bin.gz"
    for folder in (".bench/data", "settings", "given"):  # each is asked before the last
        file = write_words(Path(folder) / "vectors" / name)
        monkeypatch.setenv("BENCH_DATA_ROOT", "settings")
        assert vector_source("word2vec", Path("given")) == VectorSource("words", file)
    assert vector_source("word2vec").path == Path(f"settings/vectors/{name}")
    glove = write_glove(Path("given/vectors/glove.840B.300d.txt"))
    assert vector_source("glove", Path("given")).path == glove


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("glov", "Unknown source of label vectors 'glov'. Did you mean 'glove'?"),
        ("none.txt", "The vector file none.txt does not exist; give a file, or 'label-sets', 'random', "),
        ("none.npz:glove", "The vector file none.npz does not exist"),
        ("bert:none", "The folder none does not exist"),
    ],
)
def test_a_source_that_is_not_there(source: str, message: str, tmp_path: Path) -> None:
    for command in (("labels", "vectors", "voc2007", "--from"), ("run", *TINY, "--vectors")):
        result = bench(tmp_path, tmp_path, *command, source)
        assert result.exit_code == 2 and message in result.output


def classes_of_voc() -> dict[str, tuple[float, ...]]:
    """Vectors in which chair and sofa are near each other, and everything else is by itself."""
    words = dict(zip(VOC_CLASSES, np.eye(20), strict=True))
    words["sofa"] = words["chair"] + 0.5 * words["sofa"]
    return {word: tuple(row) for word, row in words.items()}


def test_the_command_shows_what_a_run_records(tmp_path: Path) -> None:
    """Without the data: class names are enough. The file has the names themselves as words."""
    file = write_glove(tmp_path / "data/vectors/glove.840B.300d.txt", classes_of_voc())
    result = bench(tmp_path, tmp_path / "data", "labels", "vectors", "voc2007", "--from", "glove")
    assert result.exit_code == 0, result.output
    assert f"voc2007: 20 vectors of 20 numbers from {file}\n" in result.output
    assert "sofa: sofa; nearest chair (cosine 0.89)\n" in result.output
    assert "chair: chair; nearest sofa (cosine 0.89)\n" in result.output
    assert "diningtable: diningtable; nearest " in result.output
    found = re.search(r"digest (\w{16}), recorded in runs as (.*), kept in (.*)\n", result.output)
    assert found and found[2] == f"glove.840B.300d.txt:{found[1]}"
    with np.load(found[3]) as kept:
        assert tuple(kept["labels"]) == VOC_CLASSES and kept["vectors"].shape == (20, 20)
    write_voc(tmp_path / "data", train=4, test=2)
    run = ("run", *TINY, "--methods", "ml-gcn", "--epochs", "1", "--vectors", "glove")
    assert bench(tmp_path, tmp_path / "data", *run).exit_code == 0
    assert f" {found[2]}\n" in bench(tmp_path, None, "show", "voc2007-ml-gcn").output


def test_label_sets_are_counted_and_recorded_by_their_name(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    result = bench(tmp_path, tmp_path / "data", "labels", "vectors", "voc2007")
    assert "voc2007: 20 vectors of 300 numbers from label-sets\n" in result.output
    assert re.search(r"person: the label sets of 4 images; nearest \w+ \(cosine", result.output)
    assert "recorded in runs as label-sets, kept in " in result.output


def test_the_command_says_that_an_order_is_trusted(tmp_path: Path) -> None:
    np.save("rows.npy", np.random.default_rng(0).normal(size=(20, 4)))
    result = bench(tmp_path, None, "labels", "vectors", "voc2007", "--from", "rows.npy")
    assert "aeroplane: row 0; nearest " in result.output
    assert "has no names: that its rows are in the order of the classes is trusted" in result.output


def test_the_published_vectors_agree_by_name(shared: Path, tmp_path: Path) -> None:
    folder = shared / "realdata" / "label_vectors"
    for kind, size in (("glove_300d", 300), ("bert_768d", 768)):
        voc = read(f"{folder / 'voc2007.npz'}:{kind}", VOC_CLASSES, tmp_path)
        coco = read(f"{folder / 'mscoco.npz'}:{kind}", COCO_CLASSES, tmp_path)
        assert voc.values.shape == (20, size) and coco.values.shape == (80, size)
        compounds = ("diningtable", "pottedplant")
        named = read(f"{folder / 'mscoco.npz'}:{kind}", compounds, tmp_path)
        assert named.made_of == ("dining table", "potted plant")
        assert (named.values == voc.values[[VOC_CLASSES.index(name) for name in compounds]]).all()


def test_published_single_words_come_through_a_text_file_unchanged(shared: Path, tmp_path: Path) -> None:
    folder = shared / "realdata" / "label_vectors"
    sets = {"voc2007": VOC_CLASSES, "mscoco": COCO_CLASSES, "nuswide": NUSWIDE_CONCEPTS}
    words: dict[str, Any] = {}
    for name, classes in sets.items():
        published = read(f"{folder / name}.npz:glove_300d", classes, tmp_path).values
        words |= {word: row for word, row in zip(classes, published, strict=True) if " " not in word}
    file = write_glove(tmp_path / "glove.txt", words)
    made = read(file, tuple(words), tmp_path)
    assert (made.values == np.array(list(words.values()))).all()
    # The published vector of several words is their sum, ours their mean: what is left of 'tvmonitor' without
    # 'tv' has five digits, as the file that it was read from, and what a mean would leave has not.
    left = published_digits(words["tvmonitor"] - words["tv"])
    assert left > 0.95 > 0.7 > published_digits(2 * words["tvmonitor"] - words["tv"])


def published_digits(vector: np.ndarray) -> float:
    """The share of numbers that have at most five significant digits (six decimals), but for rounding."""
    exact = vector.astype(np.float64)
    decimals = np.clip(4 - np.floor(np.log10(np.abs(exact) + 1e-12)), 0, 6)
    scaled = exact * 10**decimals
    return float((np.abs(scaled - np.round(scaled)) < 3e-7 * 10**decimals).mean())
