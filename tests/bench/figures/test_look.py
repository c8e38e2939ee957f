"""Names in any script: an installed font writes them, else numbers stand for them, and nobody is warned."""

import os
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from bench.figures import look as module
from bench.figures.catalog import KINDS
from bench.figures.draw import draw_figures
from bench.figures.labels import draw_labels
from bench.figures.look import DEFAULT, UNWRITTEN, lettering
from bench.records.store import RecordStore
from bench_command import bench, own_process
from made_records import made_cell, made_record, store_made
from trees import write_picture

NOWHERE = "\U0010fff0"
"""A character for private use that no font of a system has."""
CLASSES = ("犬", "dog", f"{NOWHERE} 猫")


def write_font(path: Path, family: str, characters: str, blank: str = "") -> None:
    """A font with a box for each of some characters, and nothing to be seen for those of `blank`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {ord(c): f"u{ord(c):x}" for c in characters + blank}
    pen = TTGlyphPen(None)
    for number, corner in enumerate(((100, 0), (100, 700), (800, 700), (800, 0))):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    box, empty = pen.glyph(), TTGlyphPen(None).glyph()
    glyphs = {
        ".notdef": box,
        **{names[ord(c)]: box if c in characters else empty for c in characters + blank},
    }
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (900, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", lambda: ())


def plotted(folder: Path, out: str) -> tuple[dict[str, bytes], str]:
    """What a process of its own draws with the fonts of `folder/share`, and what it says on stderr."""
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "share"), "PYTHONWARNINGS": "always"}
    command = own_process("plot", "all", "--format", "png,svg", "--out", out)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (folder / out).iterdir()}, done.stderr


def words(content: bytes) -> list[str]:
    """The texts of an SVG picture, which matplotlib writes as comments."""
    return [
        word for text in re.findall(r"<!-- (.*?) -->", content.decode(), re.S) for word in text.split("\n")
    ]


@pytest.mark.slow
def test_a_font_that_is_installed_writes_what_the_own_one_lacks(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell(), made_cell("salgl"), classes=CLASSES)
    before, said = plotted(tmp_path, "before")
    assert set(before) == {f"voc2007-{kind}.{ending}" for kind in KINDS for ending in ("png", "svg")}
    assert "#3 = " in said and "install one that has their letters" in said
    assert "Glyph" not in said and "Warning" not in said and "findfont" not in said
    for kind in KINDS.values():
        drawn = words(before[f"voc2007-{kind.name}.svg"])
        assert ("#3" in drawn) == (UNWRITTEN in drawn) == kind.names_classes, kind.name
    # Installed after matplotlib has made its list of fonts; beside it one that is damaged.
    write_font(tmp_path / "share" / "fonts" / "aa.ttf", "AA Boxes Sans", f"犬猫{NOWHERE}")
    (tmp_path / "share" / "fonts" / "damaged.ttf").write_bytes(b"\0\1\0\0 no font")
    after, said = plotted(tmp_path, "after")
    assert "#" not in said and "Glyph" not in said and "Warning" not in said and "findfont" not in said
    for name in ("per-class", "precision-recall", "cooccurrence"):
        drawn = words(after[f"voc2007-{name}.svg"])
        assert {*CLASSES} <= {*drawn} and UNWRITTEN not in drawn, name
    assert after["voc2007-learning.svg"] == before["voc2007-learning.svg"], "no class is named there"
    assert plotted(tmp_path, "again")[0] == after


def test_a_number_stands_for_a_name_without_a_font(tmp_path: Path, no_fonts: None) -> None:
    store = store_made(tmp_path, made_cell(), classes=CLASSES)
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (picture,) = draw_figures(store, ["per-class"], tmp_path / "out", formats=["svg"], note=notes.append)
        draw_figures(store, ["learning"], tmp_path / "out", note=lambda line: notes.append(f"none: {line}"))
    drawn = words(picture.read_bytes())
    assert {"#1", "dog", "#3", UNWRITTEN} <= set(drawn) and not {"犬", "#2"} & set(drawn)
    (note,) = notes
    assert note.startswith("voc2007: no installed font can write these class names, so numbers stand for ")
    assert f": #1 = 犬, #3 = {CLASSES[2]!r}; install " in note


def test_titles_that_no_font_can_write_are_marked(tmp_path: Path, no_fonts: None) -> None:
    store = RecordStore(tmp_path)
    record, scores = made_record(made_cell(data="pets"))
    sizes = record.data.model_copy(update={"title": "犬 and\tcats $x"})
    store.save(record.model_copy(update={"data": sizes}), scores)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (picture,) = draw_figures(store, ["frequency"], tmp_path / "out", formats=["svg"])
    assert any(word.startswith("\ufffd and cats $x, made: ") for word in words(picture.read_bytes()))


def test_names_that_the_own_font_has_look_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", lambda: pytest.fail("looked at installed fonts"))
    found = lettering(["dog", "Größe", "собака", "كلب", "cafe\u0301", "a\tb\u3000c\nd"])
    assert found.families == (DEFAULT,) and not found.missing
    assert found.names(("a\tb\u3000c\nd",)) == ("a b c d",)


def test_the_fewest_fonts_are_taken_and_none_that_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fonts = {"B Serif": "犬猫", "A Sans": "犬猫", "C Sans": f"猫{NOWHERE}", "Blank": ""}
    for family, characters in fonts.items():
        write_font(tmp_path / f"{family}.ttf", family, characters, blank="" if characters else "犬猫狐\x07")
    own = module._file
    files = {family: str(tmp_path / f"{family}.ttf") for family in fonts}
    monkeypatch.setattr(module, "_file", lambda family: files.get(family) or own(family))
    monkeypatch.setattr(module, "_installed", lambda: (*files, "gone"))
    assert lettering(["犬猫"]).families == (DEFAULT, "A Sans")
    both = lettering(["犬猫", NOWHERE, "狐", "\x07"])
    assert both.families == (DEFAULT, "A Sans", "C Sans") and both.missing == {"狐", "\x07"}
    assert both.names(("猫", "狐", "a\x07")) == ("猫", "#2", "#3")
    assert r": #2 = 狐, #3 = 'a\x07'; " in both.unwritten(("猫", "狐", "a\x07"))


def test_the_picture_of_labels(tmp_path: Path, no_fonts: None) -> None:
    counts, pairs = np.array([3, 2]), np.array([[0, 1], [1, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = draw_labels(tmp_path / "a.png", "犬, train", ("犬", "$a_$"), counts, pairs)
        assert draw_labels(tmp_path / "b.png", "pets, train", ("dog", "$a_$"), counts, pairs) == ""
    assert "them: #1 = 犬; install" in said
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_the_statistics_of_own_data_with_such_names(tmp_path: Path, no_fonts: None) -> None:
    lines = ["image,labels"]
    for number in range(8):
        write_picture(tmp_path / f"{number}.png", number)
        lines.append(f"{number}.png,{('犬', '猫|$x')[number % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "pets.yaml").write_text("name: pets\ntitle: 犬\ncsv: {}\nsplits: {train: 0.5}\n", "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = bench(tmp_path, None, "data", "stats", "pets.yaml", "--out", "stats")
    assert done.exit_code == 0, done.output
    assert "pets-train-labels.png: no installed font can write these class names" in done.output
    assert (tmp_path / "stats" / "pets-test-labels.png").is_file()
