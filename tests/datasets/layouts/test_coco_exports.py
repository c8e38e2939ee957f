"""COCO's JSON as tools export it: images removed, a root above the categories, names that no file has."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench_command import TINY, bench
from own_voc import labels
from trees import write_picture

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
# As Roboflow writes them: the project's name is the root of its classes.
ROOT = [
    {"id": 0, "name": "animals", "supercategory": "none"},
    {"id": 1, "name": "cat", "supercategory": "animals"},
    {"id": 2, "name": "dog", "supercategory": "animals"},
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten pictures, cats and dogs in turn, number 3 both."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    (tmp_path / "photos").mkdir()
    for number in range(10):
        write_picture(tmp_path / "photos" / f"{number}.jpg", seed=number)
    write(tmp_path)
    return tmp_path


def content(first: int = 0, last: int = 10) -> dict[str, Any]:
    numbers = range(first, last)
    return {
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in numbers],
        "annotations": [
            *({"id": 100 + n, "image_id": n, "category_id": 1 + n % 2} for n in numbers),
            *([{"id": 200, "image_id": 3, "category_id": 1}] if 3 in numbers else []),
        ],
        "categories": CATEGORIES,
    }


def write(home: Path, splits: str = "{train: 0.8}", more: str = "", **files: dict[str, Any]) -> str:
    """The YAML file of one JSON file for all, or of those that are given by their splits."""
    files = files or {"all": content()}
    for name, one in files.items():
        (home / f"{name}.json").write_text(json.dumps(one))
    named = (
        "all.json" if list(files) == ["all"] else f"{{{', '.join(f'{name}: {name}.json' for name in files)}}}"
    )
    text = f"name: own\ncoco: {{annotations: {named}, images: photos}}\nsplits: {splits}\n{more}"
    (home / "own.yaml").write_text(text)
    return str(home / "own.yaml")


def expected() -> dict[str, set[str]]:
    return {str(n): {("cat", "dog")[n % 2]} | ({"cat"} if n == 3 else set()) for n in range(10)}


# Splits that are drawn.


@pytest.mark.parametrize("share", [0.8, 0.5])
def test_splits_are_drawn_from_one_file(share: float, home: Path) -> None:
    own = write(home, f"{{train: {share}}}")
    dataset = open_dataset(own)
    assert labels(dataset) == expected() and abs(len(dataset.train) - 10 * share) <= 1
    assert open_dataset(own).train.ids == dataset.train.ids
    assert open_dataset(write(home, f"{{train: {share}, seed: 5}}")).train.ids != dataset.train.ids
    assert not set(dataset.train.ids) & set(dataset.eval.ids)


# Images that were removed.


def removed(home: Path) -> str:
    """The file without images 7 and 8, of which 8 has two annotations; a picture has 8 for its name still."""
    found = content()
    found["images"] = [one for one in found["images"] if one["id"] not in (7, 8)]
    found["images"].append({"id": 77, "file_name": "8.jpg"})
    found["annotations"] += [
        {"id": 300, "image_id": 77, "category_id": 2},
        {"id": 301, "image_id": 8, "category_id": 2},
    ]
    return write(home, all=found)


def test_annotations_of_images_that_are_gone_are_listed_with_both_ids(home: Path) -> None:
    own = removed(home)
    with pytest.raises(UserError) as caught:
        open_dataset(own)
    path = home / "all.json"
    assert str(caught.value).splitlines()[1:] == [
        f"  image_id 7: {path}: is not in 'images', but 1 annotations are of it: 107",
        f"  image_id 8: {path}: is not in 'images', but 2 annotations are of it: 108, 301",
    ]
    checked = bench(home, None, "data", "check", own, "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and "2 files cannot be used" in checked.output
    assert (home / "bad.txt").read_text() == "image_id 7\nimage_id 8\n"


@pytest.mark.parametrize("skip", [True, "bad.txt"])
def test_what_is_left_is_used_without_them(skip: bool | str, home: Path) -> None:
    own = removed(home)
    (home / "bad.txt").write_text("image_id 7\nimage_id 8\n")
    dataset = open_dataset(own, skip_bad=home / skip if isinstance(skip, str) else skip)
    assert labels(dataset) == {**{k: v for k, v in expected().items() if k != "7"}, "8": {"dog"}}
    assert [problem.image for problem in dataset.skipped] == ["image_id 7", "image_id 8"]
    ended = bench(home, None, "run", "--methods", "resnet", *TINY, "--data", own, "--dry-run")
    assert ended.exit_code != 0 and "image_id 7" in ended.output


def test_a_list_that_names_only_some_of_them_does_not_do(home: Path) -> None:
    own = removed(home)
    (home / "bad.txt").write_text("image_id 7\n")
    with pytest.raises(UserError, match=r"1 files of own .*\n  image_id 8: "):
        open_dataset(own, skip_bad=home / "bad.txt")


def test_ids_that_are_text_go_through_the_list_whatever_they_hold(home: Path) -> None:
    found = content()
    ids = ["7", " x\n\x1b[31m", "\ud800", "image_id 7"]
    found["annotations"] += [{"id": None, "image_id": one, "category_id": 1} for one in ids]
    own = write(home, all=found)
    checked = bench(home, None, "data", "check", own, "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and "\x1b" not in checked.output
    assert len((home / "bad.txt").read_text().splitlines()) == 4
    assert labels(open_dataset(own, skip_bad=home / "bad.txt")) == expected()


def test_each_split_has_the_problems_of_its_own_file(home: Path) -> None:
    found = content(5)
    found["annotations"].append({"id": 300, "image_id": 3, "category_id": 1})
    own = write(home, "{train: one, eval: two}", one=content(0, 5), two=found)
    with pytest.raises(UserError, match=r"1 files of own .*\n  image_id 3: .*two.json: .*: 300$"):
        open_dataset(own)
    assert labels(open_dataset(own, skip_bad=True)) == expected()


# Images without annotation.


@pytest.mark.parametrize("splits", ["{train: 0.5}", "{train: a, eval: b}"])
def test_images_without_annotation_are_counted_unless_it_is_said_what_becomes_of_them(
    splits: str, home: Path
) -> None:
    whole = {**content(), "annotations": content()["annotations"][:7]}
    parts = {"all": whole} if "a, eval" not in splits else {"a": whole, "b": content()}
    for name in parts.get("b", {}).get("images", ()):  # an image is in one split
        name["id"], name["file_name"] = name["id"] + 50, f"b{name['file_name']}"
        write_picture(home / "photos" / name["file_name"], seed=name["id"])
    for one in parts.get("b", {}).get("annotations", ()):
        one["image_id"] += 50
    own = Path(write(home, splits, **parts))
    of_split = "" if "all" in parts else " of a"
    note = f"note: own: 3 of 10 images{of_split} have no annotation and are left out; keep_unannotated: true"
    for _ in range(2):  # read now, and kept
        assert bench(home, None, "data", "check", str(own)).output.count(note) == 1
    text = own.read_text()
    for said, images in (("true", 10), ("false", 7)):
        own.write_text(text.replace("images: photos", f"images: photos, keep_unannotated: {said}"))
        assert "no annotation" not in bench(home, None, "data", "check", str(own)).output
        dataset = open_dataset(str(own))
        assert len(dataset.train) + ("all" in parts) * len(dataset.eval) == images


# A root above the categories.


def test_a_root_that_nothing_is_annotated_with_is_no_class_and_check_says_so(home: Path) -> None:
    own = write(home, all={**content(), "categories": ROOT})
    note = "note: own: the category 'animals' is no class: others name it as their supercategory, and no"
    for _ in range(2):  # read now, and kept
        checked = bench(home, None, "data", "check", own)
        assert checked.exit_code == 0 and "2 classes (cat, dog)" in checked.output
        assert checked.output.count(note) == 1
    assert labels(open_dataset(own)) == expected()


def test_whoever_wants_it_as_a_class_lists_it(home: Path) -> None:
    own = write(home, more="classes: [animals, cat, dog]\n", all={**content(), "categories": ROOT})
    checked = bench(home, None, "data", "check", own)
    assert "3 classes (animals, cat, dog)" in checked.output and "is no class" not in checked.output


@pytest.mark.parametrize(
    "categories",
    [
        [{"id": 1, "name": "cat", "supercategory": "animals"}, {"id": 2, "name": "dog"}],
        [{"id": 1, "name": "cat", "supercategory": "cat"}, {"id": 2, "name": "dog", "supercategory": "cat"}],
        [{"id": 1, "name": "cat", "supercategory": ["dog"]}, {"id": 2, "name": "dog", "supercategory": 7}],
    ],
)
def test_what_is_annotated_is_a_class_whatever_stands_below_it(categories: list[Any], home: Path) -> None:
    assert open_dataset(write(home, all={**content(), "categories": categories})).info.classes == (
        "cat",
        "dog",
    )


@pytest.mark.parametrize("bird", [{"supercategory": "none"}, {"supercategory": "bird"}, {}])
def test_a_class_that_never_occurs_stays_one_where_nothing_stands_below_it(
    bird: dict[str, str], home: Path
) -> None:
    categories = [*CATEGORIES, {"id": 3, "name": "bird", **bird}]
    assert open_dataset(write(home, all={**content(), "categories": categories})).info.classes[2:] == (
        "bird",
    )


def test_a_root_may_have_the_name_of_its_only_class(home: Path) -> None:
    categories = [
        {"id": 0, "name": "cat", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "cat"},
    ]
    found = content()
    for annotation in found["annotations"]:
        annotation["category_id"] = 1
    assert open_dataset(write(home, all={**found, "categories": categories})).info.classes == ("cat",)


@pytest.mark.parametrize("more", ["", "classes: [animals, cat, dog]\n"])
def test_a_root_is_a_class_where_another_split_has_annotations_of_it(more: str, home: Path) -> None:
    second = {**content(5), "categories": ROOT}
    second["annotations"] = [*second["annotations"], {"id": 300, "image_id": 6, "category_id": 0}]
    files = {"one": {**content(0, 5), "categories": ROOT}, "two": second}
    dataset = open_dataset(write(home, "{train: one, eval: two}", more, **files))
    assert set(dataset.info.classes) == {"animals", "cat", "dog"} and dataset.said == ()
    assert labels(dataset)["6"] == {"animals", "cat"}
    files["one"] = content(0, 5)
    assert labels(open_dataset(write(home, "{train: one, eval: two}", more, **files)))["6"] == {
        "animals",
        "cat",
    }


# Names.


@pytest.mark.parametrize(
    "name", ["x" * 5000 + ".jpg", "a/" * 20000 + "4.jpeg", "../" + "a/" * 20000 + "x.jpg"]
)
def test_a_name_that_no_file_can_have_is_a_problem_like_others(name: str, home: Path) -> None:
    found = content()
    found["images"][4]["file_name"] = name
    with pytest.raises(UserError, match=r"1 files of own cannot be used") as caught:
        open_dataset(write(home, all=found))
    assert len(str(caught.value)) < 5000
    whole = expected()
    del whole["4"]
    assert labels(open_dataset(write(home, all=found), skip_bad=True)) == whole


@pytest.mark.parametrize("name", ["http://[host/4.jpg", "http://host.example", "..", "/"])
def test_a_name_that_names_no_file_is_refused(name: str, home: Path) -> None:
    found = content()
    found["images"][4]["file_name"] = name
    with pytest.raises(UserError, match=r"all.json.* names no file"):
        open_dataset(write(home, all=found))


@pytest.mark.parametrize("part", ["images", "annotations"])
def test_a_file_without_any_image_is_named(part: str, home: Path) -> None:
    with pytest.raises(UserError, match=r"own has no image\.$" if part == "annotations" else r"image_id 9: "):
        open_dataset(write(home, all={**content(), part: []}))


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
def test_characters_that_no_name_can_have_are_refused_with_file_and_category(
    character: str, home: Path
) -> None:
    found = {**content(), "categories": [CATEGORIES[0], {"id": 2, "name": f"d{character}g"}]}
    with pytest.raises(
        UserError, match=rf"all.json: the category 2: 'd.*g' has the .* U\+{ord(character):04X}"
    ):
        open_dataset(write(home, all=found))
    found = content()
    found["images"][4]["file_name"] = f"4{character}.jpg"
    with pytest.raises(UserError, match=rf"all.json: '4.*.jpg' has the .* U\+{ord(character):04X}"):
        open_dataset(write(home, all=found))


@pytest.mark.parametrize("name", ["../../4.jpg", "../photos/4.jpg", "/data/photos/4.jpg", "x/../../4.jpg"])
def test_a_file_name_never_leads_out_of_the_folder(name: str, home: Path) -> None:
    found = content()
    found["images"][4]["file_name"] = name
    dataset = open_dataset(write(home, all=found))
    assert "4" in labels(dataset) and labels(dataset) == expected()
    for folder in (home, home.parent):
        write_picture(folder / "secret.jpg", seed=99)
    found["images"][4]["file_name"] = name.replace("4.jpg", "secret.jpg")
    with pytest.raises(UserError, match=r"secret: .*photos/secret.jpg: does not exist"):
        open_dataset(write(home, all=found))
