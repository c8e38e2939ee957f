"""`bench visualize`: what may be asked for, and what is said where it cannot be shown."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.classes import VOC_CLASSES
from bench.engine.models.model_file import load_model, save_model
from bench_command import bench
from made_records import made_cell, store_made
from trees import write_picture
from views import model_of, words_of


def test_images_and_labels_can_be_named(trained: Path, data: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "mine, too.jpg", 3, (20, 90))
    asked = ("--images", "000013", "--images", str(tmp_path / "mine, too.jpg"), "--labels", "cat, tvmonitor")
    where = ("--methods", "ml-gcn", "--out", str(tmp_path), "--format", "svg")
    done = bench(trained, data, "visualize", "attention", *asked, *where)
    assert done.exit_code == 0, done.output
    (file,) = tmp_path.glob("*.svg")
    assert file.name.startswith("voc2007-attention+ml-gcn=cat")
    words = words_of(file.read_bytes())
    for name in ("000013", "mine, too.jpg"):
        place = words.index(name)
        assert [word for word in words[place : place + 5] if word in VOC_CLASSES] == ["cat", "tvmonitor"]
    # Labels of a file are not known, so nothing is right or wrong there.
    assert not any(mark in word for word in words[words.index("mine, too.jpg") : -2] for mark in "✓✗")


def test_a_model_file_needs_no_record_and_no_data_set(trained: Path, tmp_path: Path) -> None:
    """Also one whose classes are in another order, beside one of the first order."""
    known = load_model(model_of(trained, "ml-gcn"))
    shutil.copy(model_of(trained, "ml-gcn"), tmp_path / "first.safetensors")
    order = list(reversed(range(20)))
    classes = tuple(known.card.classes[c] for c in order)
    labels = replace(
        known.labels,
        names=classes,
        vectors=known.labels.vectors[order],
        counts=known.labels.counts[order],
        cooccurrence=known.labels.cooccurrence[np.ix_(order, order)],
    )
    known.model.head.label_vectors.copy_(known.model.head.label_vectors[order].clone())
    known.model.head.propagation.copy_(known.model.head.propagation[order][:, order].clone())
    card = known.card.model_copy(update={"classes": classes})
    save_model(tmp_path / "turned.safetensors", known.model, labels, card)
    write_picture(tmp_path / "photo.jpg", 5)
    asked = ("--runs", "first.safetensors,turned.safetensors", "--images", "photo.jpg", "--labels", "dog")
    done = bench(tmp_path, None, "visualize", "activation", *asked, "--format", "svg", "--out", "out")
    assert done.exit_code == 0, done.output
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "models-activation+first+turned=dog@photo.jpg.svg"
    words = words_of(file.read_bytes())
    assert words.count("ML-GCN") == 0 and any("first" in word for word in words)
    numbers = [word for word in words if re.fullmatch(r"[01]\.\d+", word)]
    assert len(numbers) == 2 and numbers[0] == numbers[1]


def test_names_with_markup_and_in_any_script(trained: Path, tmp_path: Path) -> None:
    known = load_model(model_of(trained, "salgl"))
    odd = ("<b>bold</b>", "$x_1$", "قطة", "кошка", "\N{EGYPTIAN HIEROGLYPH A001}", "a" * 90)
    classes = (*odd, *known.card.classes[len(odd) :])
    card = known.card.model_copy(update={"classes": classes})
    labels = replace(known.labels, names=classes)
    save_model(tmp_path / "odd.safetensors", known.model, labels, card)
    write_picture(tmp_path / "photo.jpg", 5)
    asked = ("--runs", "odd.safetensors", "--images", "photo.jpg", "--out", "out", "--format", "svg")
    wanted = [part for name in odd for part in ("--labels", name)]
    for kind in ("attention", "graph"):
        done = bench(tmp_path, None, "visualize", kind, *asked, *wanted)
        assert done.exit_code == 0, done.output
        (file,) = (tmp_path / "out").glob(f"*{kind}*")
        words = words_of(file.read_bytes())
        assert {"$x_1$", "кошка", "قطة"} <= set(words)
        assert any("bold" in word for word in words)
        assert any(word.startswith("aaaa") and word.endswith("…") for word in words)
        if "#5 = " in done.output:  # no font here has it
            assert "#5" in words


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "kind": (("activations",), r"Unknown picture 'activations'\. Did you mean 'activation'"),
    "format": (("graph", "--format", "pdf"), "Unknown format 'pdf'"),
    "method": (("graph", "--methods", "ml-gnc"), "Unknown method .* 'ml-gnc'"),
    "data": (("graph", "--data", "voc2012"), "Unknown data set of the stored models 'voc2012'.* voc2007"),
    "run": (("graph", "--runs", "nonsense"), "Unknown model or run 'nonsense'"),
    "prior": (("graph", "--runs", "voc2007-prior"), "looks at no image, so it has no model"),
    "both": (("graph", "--runs", "salgl", "--methods", "salgl"), "leave out --methods"),
    "image": (("attention", "--images", "999999"), "'999999' is no image of test of voc2007 .* nor a file"),
    "label": (("attention", "--labels", "dgo"), r"Unknown label 'dgo'\. Did you mean 'dog'"),
    "count": (("attention", "--images", "000013", "--count", "2"), "does not take --count beside --images"),
    "limit": (("graph", "--images", "000013", "--limit-eval", "2"), "--limit-eval beside --images"),
    "no images": (("embedding", "--images", "000013"), "'embedding' does not take --images"),
    "one label": (("graph", "--methods", "ml-gcn", "--labels", "dog"), "'graph' shows labels beside each"),
    "no labels": (("scenes", "--labels", "dog"), "'scenes' does not take --labels"),
    "no limit": (("embedding", "--limit-eval", "3"), "'embedding' does not take --limit-eval"),
    "no scenes": (
        ("scenes", "--methods", "ml-gcn"),
        "no picture 'scenes' of ML-GCN: it takes scenes, which these methods show as published: salgl",
    ),
    "no graph": (
        ("graph", "--methods", "resnet"),
        "no picture 'graph' of ResNet baseline: it takes a label graph.*: ml-gcn, ssgrl",
    ),
    "no classifiers": (
        ("embedding", "--methods", "salgl"),
        "of SALGL: it takes one linear classifier per label, .*: resnet, ml-gcn",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence(what: str, trained: Path, data: Path) -> None:
    words, message = BAD[what]
    done = bench(trained, data, "visualize", *words)
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert re.search(message, done.output.replace("\n", " ")), done.output


def test_a_run_without_a_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    cell = made_cell("salgl")
    store_made(tmp_path / "results", cell)
    done = bench(tmp_path, None, "visualize", "scenes", "--runs", cell.run_id()[:14])
    assert done.exit_code == 2
    assert f"{cell.run_id()} has no model in" in done.output and "--overwrite always" in done.output
    done = bench(tmp_path, None, "visualize", "scenes")
    assert done.exit_code == 2 and "No run under results/runs has a model" in done.output


def test_a_damaged_model_and_pictures_that_are_none(trained: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    done = bench(trained, data, "visualize", "graph", "--runs", str(tmp_path / "model.safetensors"))
    assert done.exit_code == 2 and "is no whole safetensors file" in done.output
    (tmp_path / "text.jpg").write_text("no picture")
    asked = ("--methods", "resnet", "--images", str(tmp_path / "text.jpg"), "--out", str(tmp_path))
    done = bench(trained, data, "visualize", "attention", *asked)
    assert done.exit_code == 2 and "text.jpg cannot be read" in done.output.replace("\n", " ")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("RGB", (2000, 3)).save(tmp_path / "line.png")
    named = ",".join(str(tmp_path / name) for name in ("dot.png", "line.png"))
    for kind in ("attention", "activation"):
        done = bench(trained, data, "visualize", kind, *asked[:2], "--images", named, *asked[4:])
        assert done.exit_code == 0, done.output


def test_other_classes_than_the_data_sets_are_refused(trained: Path, data: Path, tmp_path: Path) -> None:
    known = load_model(model_of(trained, "resnet"))
    classes = ("martian", *known.card.classes[1:])
    card = known.card.model_copy(update={"classes": classes})
    save_model(tmp_path / "other.safetensors", known.model, known.labels, card)
    runs = ("--runs", str(tmp_path / "other.safetensors"))
    done = bench(trained, data, "visualize", "attention", *runs, "--data", "voc2007", "--images", "000013")
    assert done.exit_code == 2 and "other has 20 classes and voc2007 20, not the same ones" in done.output
    done = bench(trained, data, "visualize", "attention", *runs)
    assert done.exit_code == 2 and "Name the data set of these models" in done.output
    done = bench(trained, data, "visualize", "attention", *runs, "--data", "voc2007")
    assert done.exit_code == 2 and "other has no stored scores to choose images by" in done.output


def test_pictures_that_were_exchanged_are_not_drawn_by_stored_scores(trained: Path, data: Path) -> None:
    picture = data / "VOCdevkit" / "VOC2007" / "JPEGImages" / "000014.jpg"
    before = picture.read_bytes()
    write_picture(picture, 77)
    try:
        done = bench(trained, data, "visualize", "attention", "--methods", "resnet")
    finally:
        picture.write_bytes(before)
    assert done.exit_code == 2 and "are not those that voc2007-resnet-s0" in done.output.replace("\n", " ")


def test_where_the_images_of_a_run_cannot_be_opened(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, held = made_cell(data="own"), made_cell(seed=3, split="validation")
    for cell in (own, held):
        folder = tmp_path / "work" / "runs" / cell.run_id()
        folder.mkdir(parents=True)
        shutil.copy(model_of(trained, "resnet"), folder)
    store_made(tmp_path / "results", own, held)
    done = bench(tmp_path, None, "visualize", "attention")
    assert done.exit_code == 2
    assert "own is a data set of your own: give its file, FILE.yaml, in place of the name" in done.output
    done = bench(tmp_path, None, "visualize", "attention", "--runs", held.run_id())
    assert done.exit_code == 2 and "measured on a validation split, and the test split is not" in done.output
    write_picture(tmp_path / "photo.jpg", 5)
    shown = ("--images", "photo.jpg", "--runs", held.run_id())
    done = bench(tmp_path, None, "visualize", "attention", *shown)
    assert done.exit_code == 0, done.output
