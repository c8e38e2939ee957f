"""Under which keys of a data.yaml the splits stand, and what is said of others that lead to pictures."""

from pathlib import Path

import pytest
import yaml

from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench_command import bench
from own_trees import write_yolo
from own_voc import files


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


def write_called(folder: Path, key: str) -> Path:
    """The data set of `write_yolo` with its validation split under another key."""
    own = write_yolo(folder)
    data = yaml.safe_load((folder / "data.yaml").read_text())
    data[key] = data.pop("val")
    (folder / "data.yaml").write_text(yaml.safe_dump(data))
    return own


@pytest.mark.parametrize("key", ["validation", "valid"])
def test_a_validation_split_is_val_whatever_it_is_called(key: str, tmp_path: Path) -> None:
    own = write_called(tmp_path / "own", key)
    assert [len(index) for index in (open_dataset(str(own)).train, open_dataset(str(own)).eval)] == [8, 4]
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert f"data.yaml has val (called '{key}') in images/val: 4 images" in checked.output, checked.output
    own.write_text(own.read_text().replace("eval: val", "eval: dev"))
    with pytest.raises(UserError, match=rf"no split 'dev'; .* are: train, val \(called '{key}'\)"):
        open_dataset(str(own))
    own.write_text(own.read_text().replace("{train: train, eval: dev}", "{train: 0.5}"))
    assert len(files(open_dataset(str(own)))) == 12


@pytest.mark.parametrize("key", ["validation", "valid"])
def test_new_dataset_evaluates_on_it(key: str, tmp_path: Path) -> None:
    write_called(tmp_path / "pets", key).unlink()
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0 and "trained on train, evaluated on val" in done.output, done.output
    assert yaml.safe_load((tmp_path / "pets.yaml").read_text())["splits"] == {"train": "train", "eval": "val"}


def test_what_is_wrong_with_it_is_said_of_its_key(tmp_path: Path) -> None:
    own = write_called(tmp_path / "own", "validation")
    data = own.parent / "data.yaml"
    data.write_text(data.read_text().replace("images/val", "images/none"))
    with pytest.raises(UserError, match=r"data.yaml: validation: 'images/none' is not there"):
        open_dataset(str(own))


def test_other_keys_that_lead_to_pictures_are_named_and_not_used(tmp_path: Path) -> None:
    write_yolo(tmp_path / "own" / "more")
    more = {"validation": "more/images/val", "minival": ["mini.txt"], "root": ".", "dir": "images"}
    more |= {"classes": "classes.txt", "download": "more/images/val", "labels": "labels", "odd": "\x1b"}
    own = write_yolo(tmp_path / "own", more)
    (own.parent / "mini.txt").write_text("images/val/2.jpg\nimages/val/5.jpg\n")
    (own.parent / "classes.txt").write_text("cat\ndog\nbird\n")
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 0 and checked.output.count("which are not used") == 2, checked.output
    assert "data.yaml has 'validation' in more/images/val: 4 images, which are not used; " in checked.output
    assert "data.yaml has 'minival' in mini.txt: 2 images, which are not used; those of a" in checked.output
    assert "data.yaml has val in images/val: 4 images\n" in checked.output
