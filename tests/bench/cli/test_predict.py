"""`bench predict`: the labels of one's own pictures, from a run, a file, in every form."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import bench as library
from bench.datasets.classes import VOC_CLASSES
from bench.engine.models.model_file import load_model, save_model
from bench.errors import UserError
from bench.trained.operating_point import OperatingPoint, save_operating_point
from bench_command import TINY, bench
from trees import write_picture, write_voc

PICTURES = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and runs of heads with maps, without, with activation maps, and with others."""
    place = tmp_path_factory.mktemp("predict")
    data = tmp_path_factory.mktemp("data")
    write_voc(data, train=8, test=6)
    methods = "salgl,resnet,add-gcn/nodes=conv,tdrg/attention=batch"
    done = bench(place, data, "run", "--methods", methods, "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    (place / "mine" / "deeper").mkdir(parents=True)
    for number in range(PICTURES):
        inner = "deeper" if number % 2 else "."
        write_picture(place / "mine" / inner / f"{number}.jpg", number, (40 + 20 * number, 50))
    (place / "mine" / ".hidden.jpg").write_bytes(b"")
    (place / "mine" / "notes.txt").write_text("not a picture")
    return place


def model(folder: Path, method: str = "salgl") -> Path:
    return next((folder / "work" / "runs").glob(f"voc2007-{method}-*/model.safetensors"))


def predict(folder: Path, *arguments: str, typed: str | None = None) -> Result:
    return bench(folder, None, "predict", *arguments, typed=typed)


def test_every_way_to_name_the_model_and_the_pictures_gives_the_same(folder: Path) -> None:
    run = model(folder).parent.name
    asked = ("--json", "--top", "20")
    whole = json.loads(predict(folder, run, "mine", *asked).stdout)
    assert [one["picture"] for one in whole["predictions"]] == [
        *("mine/0.jpg", "mine/2.jpg", "mine/deeper/1.jpg", "mine/deeper/3.jpg")
    ]
    assert whole["skipped"] == [] and whole["method"] == "salgl" and whole["calibrated"] is False
    for named in (["mine/**/*.jpg"], ["mine/*.jpg", "mine/deeper"], ["mine", "mine/0.jpg"]):
        again = json.loads(predict(folder, str(model(folder)), *named, *asked).stdout)
        assert again["predictions"] == whole["predictions"]
    lines = "\n".join(one["picture"] for one in whole["predictions"]) + "\n\n"
    piped = json.loads(predict(folder, run, "-", *asked, typed=lines).stdout)
    assert piped["predictions"] == whole["predictions"]


def test_probabilities_are_those_of_the_model_whatever_the_batch(folder: Path) -> None:
    names = [str(folder / "mine" / "0.jpg"), str(folder / "mine" / "2.jpg")]
    scorer = library.load_model(model(folder))
    expected = scorer.probabilities(names)
    for size in ("1", "16"):
        shown = predict(folder, str(model(folder)), *names, "--csv", "--top", "20", "--batch-size", size)
        rows = list(csv.DictReader(io.StringIO(shown.stdout)))
        assert [row["picture"] for row in rows] == [name for name in names for _ in range(20)]
        for number, name in enumerate(names):
            found = {row["label"]: float(row["probability"]) for row in rows if row["picture"] == name}
            assert list(found.values()) == sorted(found.values(), reverse=True)
            np.testing.assert_allclose([found[one] for one in VOC_CLASSES], expected[number], atol=2e-3)


def test_a_score_that_depends_on_the_pictures_beside_is_told_of(folder: Path) -> None:
    said = "says of a picture depends on the pictures beside it, 3 at a time (--batch-size)"
    batched = predict(folder, str(model(folder, "tdrg")), "mine", "--batch-size", "3")
    assert f"note: what tdrg/attention=batch {said}" in batched.stderr
    assert "depends on" not in predict(folder, str(model(folder)), "mine").stderr


@pytest.mark.parametrize("command", ["predict", "visualize", "evaluate"])
def test_a_device_that_is_none_is_refused(command: str, folder: Path) -> None:
    asked = {
        "predict": (str(model(folder)), "mine"),
        "visualize": ("activation", "--runs", str(model(folder)), "--images", "mine/0.jpg"),
        "evaluate": ("--checkpoint", str(model(folder)), "--data", "voc2007"),
    }
    for device in ("gpu", "cuda:x", "mps", ""):
        done = bench(folder, None, command, *asked[command], "--device", device)
        assert done.exit_code == 2, done.output
        assert f"There is no device '{device}': give auto, cpu, cuda or cuda:N." in done.stderr


def test_a_model_that_was_trained_in_fp16_is_used_without_a_gpu(folder: Path, tmp_path: Path) -> None:
    trained = load_model(model(folder))
    card = trained.card.model_copy(update={"precision": "fp16"})
    save_model(tmp_path / "fp16.safetensors", trained.model, trained.labels, card)
    asked = (str(folder / "mine"), "--json", "--device", "cpu")
    half, plain = (
        json.loads(predict(folder, str(file), *asked).stdout)["predictions"]
        for file in (tmp_path / "fp16.safetensors", model(folder))
    )
    assert half == plain


def test_a_run_whose_name_has_a_dot_is_found_by_it(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "work" / "runs" / "photos.v2-salgl-s0-b3a7e4280a56"
    place.mkdir(parents=True)
    (place / "model.safetensors").symlink_to(model(folder))
    done = bench(tmp_path, None, "predict", place.name, str(folder / "mine" / "0.jpg"))
    assert done.exit_code == 0, done.output
    unknown = bench(tmp_path, None, "predict", "photos.v2-sagl-s0", str(folder / "mine" / "0.jpg"))
    assert unknown.exit_code == 2 and f"Did you mean '{place.name}'?" in unknown.stderr
    empty = bench(tmp_path, None, "predict", "", str(folder / "mine" / "0.jpg"))
    assert empty.exit_code == 2 and "Unknown model or run ''" in empty.stderr


@pytest.mark.parametrize("threshold", [np.float32(0.9), np.float64(0.9), 0.9, 1])
def test_any_number_is_a_threshold(threshold: Any, folder: Path) -> None:
    scorer = library.load_model(model(folder))
    (found,) = scorer.predict(folder / "mine" / "0.jpg", threshold)
    assert found.thresholds.tolist() == pytest.approx([float(threshold)] * 20)


@pytest.mark.parametrize("wrong", [90, -1, float("nan"), "0.9", [0.9] * 20, np.full(20, 0.9)])
def test_what_is_no_threshold_is_refused(wrong: Any, folder: Path) -> None:
    scorer = library.load_model(model(folder))
    with pytest.raises(UserError, match="threshold"):
        scorer.predict(folder / "mine" / "0.jpg", wrong)
    for asked, said in (
        ({"batch_size": 0}, "Give a batch_size of at least 1, and not 0"),
        ({"names": ["one", "two"]}, "Give a name for each picture or none at all: 2 are named of 1"),
    ):
        with pytest.raises(UserError, match=said):
            scorer.predict(folder / "mine" / "0.jpg", **asked)


def test_threshold_and_top_choose_the_labels(folder: Path, tmp_path: Path) -> None:
    (one,) = library.load_model(model(folder)).predict([folder / "mine" / "0.jpg"], threshold=0.0)
    ranked = one.labels()
    assert len(ranked) == 20 and one.labels(3) == ranked[:3]
    between = (ranked[4].probability + ranked[5].probability) / 2
    shown = predict(folder, str(model(folder)), "mine/0.jpg", "--csv", "--threshold", str(between))
    assert [row.split(",")[1] for row in shown.stdout.splitlines()[1:]] == [name for name, _ in ranked[:5]]
    for top, chosen in ((3, ranked[:3]), (9, ranked[:5])):
        both = ("--top", str(top), "--threshold", str(between), "--maps", str(tmp_path / str(top)))
        shown = predict(folder, str(model(folder)), "mine/0.jpg", "--csv", *both)
        assert [row.split(",")[1] for row in shown.stdout.splitlines()[1:]] == [name for name, _ in chosen]
        assert len(list((tmp_path / str(top)).iterdir())) == len(chosen)
    none = predict(folder, str(model(folder)), "mine/0.jpg", "--csv", "--threshold", "1")
    assert none.stdout == "picture,label,probability\nmine/0.jpg,,\n", "every picture has a row"
    table = predict(folder, str(model(folder)), "mine/0.jpg", "--threshold", "1")
    assert table.stdout.splitlines()[1].split() == ["mine/0.jpg", "none"]
    assert "not calibrated" in table.stderr


def test_fitted_thresholds_and_temperature_are_used_where_there_are_some(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(model(folder).read_bytes())
    before = library.load_model(copy)
    logits = before.logits(folder / "mine" / "0.jpg")[0]
    lowest = tuple(0.0 if number == 7 else 1.0 for number in range(20))
    save_operating_point(
        copy,
        OperatingPoint(
            classes=VOC_CLASSES,
            temperature=2.0,
            per_class=lowest,
            overall=0.3,
            target="CF1",
            source="run x",
            images=9,
        ),
    )
    after = library.load_model(copy)
    (one,) = after.predict(folder / "mine" / "0.jpg")
    np.testing.assert_allclose(one.probabilities, 1 / (1 + np.exp(-logits / 2)), atol=1e-3)
    assert [name for name, _ in one.labels()] == [VOC_CLASSES[7]]
    assert (after.predict(folder / "mine" / "0.jpg", threshold=0.0)[0].thresholds == 0).all()
    with pytest.raises(UserError, match="No thresholds were fitted for this model"):
        before.predict(folder / "mine" / "0.jpg", threshold="fitted")


def test_maps_are_drawn_over_the_picture(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps"
    for method in ("salgl", "resnet"):
        done = predict(folder, str(model(folder, method)), "mine", "--top", "2", "--maps", str(out / method))
        assert done.exit_code == 0, done.output
        drawn = sorted((out / method).iterdir())
        assert len(drawn) == 2 * PICTURES and {path.suffix for path in drawn} == {".png"}
        for path in drawn:
            number = int(path.name.partition("-")[0])
            with Image.open(path) as picture:
                assert picture.size == (40 + 20 * number, 50)
                assert len(picture.getcolors(1 << 20) or ()) > 10
    without = predict(folder, str(model(folder, "add-gcn")), "mine", "--maps", str(out / "none"))
    assert without.exit_code == 2 and "add-gcn/nodes=conv has no map for each label" in without.stderr
    assert not (out / "none").exists()


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "bad"
    place.mkdir()
    write_picture(place / "1.jpg", 1, (30, 30))
    whole = (place / "1.jpg").read_bytes()
    (place / "0-cut.jpg").write_bytes(whole[: len(whole) // 2])
    (place / "text.png").write_text("hello")
    Image.new("RGB", (1, 1)).save(place / "dot.png")
    Image.new("1", (20_000, 20_000)).save(place / "huge.png")
    out = tmp_path / "out.json"
    done = predict(folder, str(model(folder)), str(place), str(tmp_path / "nothere.jpg"), "--out", str(out))
    assert done.exit_code == 1 and "Traceback" not in done.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [Path(one["picture"]).name for one in found["predictions"]] == ["1.jpg", "dot.png"]
    reasons = {Path(one["picture"]).name: one["reason"] for one in found["skipped"]}
    assert reasons.keys() == {"0-cut.jpg", "text.png", "huge.png", "nothere.jpg"}
    assert "pixels that a picture may have" in reasons["huge.png"]
    for name, reason in reasons.items():
        assert f"{name}: {reason}" in done.stderr


def test_pictures_that_are_not_named_as_such_are_told_of(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "odd"
    (place / "deeper").mkdir(parents=True)
    write_picture(place / "0.jpg", 1, (30, 30))
    for name in ("1", "deeper/2.jpg_large", "photo.jpg!d", ".hidden", "notes.txt"):
        (place / name).write_bytes((place / "0.jpg").read_bytes())
    (place / "dead").symlink_to("nowhere")
    (place / "LICENSE").write_text("Permission is granted")
    done = predict(folder, str(model(folder)), str(place), "--csv", "--top", "1")
    said = "do not have the suffix of a picture but hold one or lead nowhere"
    assert done.exit_code == 0 and len(done.stdout.splitlines()) == 2
    assert f"note: 4 files {said}, '{place}/1' for one: rename them, or name them one by one" in done.stderr
    done = predict(folder, str(model(folder)), str(place), f"{place}/1", "--csv", "--top", "1")
    assert len(done.stdout.splitlines()) == 3 and f"note: 3 files {said}, '{place}/dead'" in done.stderr
    (place / "0.jpg").unlink()
    done = predict(folder, str(model(folder)), str(place))
    assert done.exit_code == 2 and f"There is no picture in the folder {place} (4 files {said}" in done.stderr


def test_links_that_lead_nowhere_and_pipes_are_named_and_not_waited_for(folder: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "0.jpg", 1, (30, 30))
    (tmp_path / "dead.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    for names in (
        [str(tmp_path)],
        [f"{tmp_path}/*.jpg"],
        [f"{tmp_path}/{one}.jpg" for one in ("dead", "pipe")],
    ):
        done = predict(folder, str(model(folder)), *names, "--top", "1")
        assert done.exit_code == 1 and "note: " not in done.stderr
        assert "dead.jpg: No such file or directory\n" in done.stderr
        assert "pipe.jpg: it is no file but a pipe or a device; give the file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["MODEL", "empty"], "no picture in the folder empty"),
        (["MODEL", "nothing*.jpg"], "No file matches nothing*.jpg"),
        (["MODEL", "mine", "--threshold", "2"], "neither a number from 0 to 1 nor fitted"),
        (["MODEL", "mine", "--threshold", "fitted"], "No thresholds were fitted"),
        (["MODEL", "mine", "--out", "labels.txt"], "neither in .json nor in .csv"),
        (["MODEL", "mine", "--json", "--csv"], "--json and --csv are two forms of the same: leave one out"),
        (["MODEL", "mine", "--json", "--out", "x.csv"], "x.csv ends in .csv, and --json asks for another"),
        (["MODEL", "mine", "--csv", "--out", "x.json"], "x.json ends in .json, and --csv asks for another"),
        (["MODEL", "-"], "No picture was named on standard input"),
        (["MODEL"], "Missing argument 'IMAGE...'"),
        (["voc2007-nothing", "mine"], "Unknown model or run 'voc2007-nothing'"),
        (["voc2007", "mine"], "4 runs with a model begin or end with 'voc2007'"),
        (["mine/notes.txt", "mine"], "no whole safetensors file"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    done = predict(folder, *(str(model(folder)) if one == "MODEL" else one for one in arguments), typed="\n")
    assert done.exit_code == 2 and said in done.stderr and "Traceback" not in done.output


def test_a_record_without_its_model_is_said_to_be_one(folder: Path) -> None:
    run = model(folder, "resnet").parent
    moved = run.rename(run.with_name("elsewhere"))
    try:
        done = predict(folder, run.name, "mine")
        assert f"The record of {run.name} is stored, but its model is not in" in done.stderr
    finally:
        moved.rename(run)
    empty = bench(folder.parent, None, "predict", run.name, "mine")
    assert empty.exit_code == 2


def test_python_takes_pictures_and_arrays(folder: Path) -> None:
    scorer = library.load_model(model(folder))
    with Image.open(folder / "mine" / "2.jpg") as picture:
        array = np.asarray(picture.convert("RGB"))
        by_path, opened, pixels = (
            scorer.predict(one, maps=True)[0] for one in (folder / "mine" / "2.jpg", picture, array)
        )
    np.testing.assert_array_equal(by_path.probabilities, opened.probabilities)
    np.testing.assert_array_equal(by_path.probabilities, pixels.probabilities)
    assert (by_path.picture, opened.picture) == (str(folder / "mine" / "2.jpg"), "picture 1")
    assert by_path.size == (80, 50) and by_path.map_of("cat").shape == (50, 80)
    with pytest.raises(ValueError, match="no maps were asked for"):
        scorer.predict(array)[0].map_of("cat")
