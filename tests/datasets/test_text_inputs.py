"""Text files as people's programs write them: byte order marks, control characters, odd names of images."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.layout import ALL, COCOInstances
from bench.datasets.layouts import coco
from bench.datasets.listing import Listing, read_lines
from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench.files import read_mapping
from bench.methods.vectors.words import read_word_vectors
from trees import write_own_csv

MARK = "\ufeff"
LAYOUT = COCOInstances({ALL: "a.json"}, {ALL: "images"})


def read_coco(folder: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> Listing:
    (folder / "images").mkdir(exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "a.json").write_text(MARK + json.dumps(content), encoding="utf-8")
    return coco.read(folder, LAYOUT, ALL, coco.class_names(folder, LAYOUT), None)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text(MARK + "cat: 1\ndog: 2\n", encoding="utf-8")
    assert read_lines(path) == ["cat: 1", "dog: 2"]
    assert read_mapping(path, "file") == {"cat": 1, "dog": 2}


def test_a_byte_order_mark_before_word_vectors_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text(MARK + "cat 1 2\ndog 3 4\n", encoding="utf-8")
    assert read_word_vectors(path, ("cat", "dog"))[0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x85"])
def test_a_control_character_is_refused_with_its_line(character: str, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"a\nb{character}c\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"list.txt, line 2: .* U\+{ord(character):04X}"):
        read_lines(path)


def test_a_control_character_in_a_table_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    own = write_own_csv(tmp_path / "own")
    table = own.parent / "labels.csv"
    table.write_text(table.read_text().replace("odd|low", "o\x1bdd|low", 1))
    with pytest.raises(UserError, match=r"labels.csv, line 3: .* U\+001B"):
        open_dataset(str(own))


@pytest.mark.parametrize(("name", "code"), [("a\ud800.jpg", "D800"), ("a\x1b.jpg", "001B")])
def test_coco_names_that_no_file_can_have_are_refused(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"a.json: .* character U\+{code}; take it out"):
        read_coco(tmp_path, [{"id": 1, "file_name": name}], [{"image_id": 1, "category_id": 1}])


def test_coco_images_with_one_stem_keep_their_suffix(tmp_path: Path) -> None:
    names = ("1.jpg", "1.png", "2.jpg")
    images = [{"id": f"f{number}", "file_name": name} for number, name in enumerate(names)]
    annotations = [{"image_id": image["id"], "category_id": 1} for image in images]
    found = read_coco(tmp_path, images, annotations)
    assert found.ids == ("1.jpg", "1.png", "2") and (found.labels == 1).all()


@pytest.mark.parametrize(
    "name", ["images\\7.jpg", "C:\\data\\images\\7.jpg", "https://host.example/x/7.jpg?raw=1"]
)
def test_coco_names_of_another_machine_find_their_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "7.jpg").write_bytes(b"picture")
    found = read_coco(tmp_path, [{"id": 1, "file_name": name}], [{"image_id": 1, "category_id": 1}])
    assert (found.ids, found.files) == (("7",), ("images/7.jpg",))
