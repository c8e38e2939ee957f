"""`bench data`: prepare, check and describe, with what is remembered and written on the way."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from bench.cli import main
from bench_command import TINY, bench
from trees import write_own_csv, write_voc


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "data", train=8, test=6)


def test_prepare_remembers_where_local_files_lie(voc: Path, tmp_path: Path) -> None:
    assert bench(tmp_path, None, "data", "prepare", "voc2007").exit_code == 2, "nothing is known yet"
    done = bench(tmp_path, None, "data", "prepare", "voc2007", "--from", str(tmp_path / "data"))
    assert done.exit_code == 0, done.output
    assert "trainval: 8 images" in done.output and "instead of the published 5011" in done.output
    (line,) = (line for line in done.output.splitlines() if line.startswith("test: "))
    assert (tmp_path / line.split("; ")[-1]).is_file(), "the index is named"
    again = bench(tmp_path, None, "data", "prepare", "voc2007")
    assert again.exit_code == 0 and again.output == done.output
    listed = bench(tmp_path, None, "data", "ls").output
    lines = {line.split()[0]: line for line in listed.splitlines()}
    assert "trainval 5011, test 4952" in lines["voc2007"] and lines["voc2007"].endswith(str(voc))
    assert "train 5717, val 5823" in lines["voc2012"] and "not found here" in lines["voc2012"]
    voc.rename(tmp_path / "gone")
    gone = bench(tmp_path, None, "data", "prepare", "voc2007")
    assert gone.exit_code == 2 and "does not hold the data set" in gone.output


def test_a_file_of_ones_own_says_itself_where_its_data_lies(tmp_path: Path) -> None:
    own = str(write_own_csv(tmp_path / "own"))
    refused = bench(tmp_path, None, "data", "prepare", own, "--from", str(tmp_path))
    assert (
        refused.exit_code == 2
        and "own.yaml says itself where its files are: set root in it" in refused.output
    )
    # Beside a data set that is known by name, --data-root is where that one lies.
    write_voc(tmp_path / "data", train=8, test=6)
    planned = bench(tmp_path, tmp_path / "data", "run", *TINY, "--data", f"{own},voc2007", "--dry-run")
    assert planned.exit_code == 0 and "own-" in planned.output and "voc2007-" in planned.output, (
        planned.output
    )


def test_what_is_remembered_is_found_from_every_folder(
    voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing says that all is to be kept in one folder, as `BENCH_WORK` does."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("BENCH_WORK", "BENCH_DATA_ROOT"):
        monkeypatch.delenv(name, raising=False)
    for folder in ("here", "elsewhere"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    asked = ["data", "prepare", "voc2007", "--from", str(tmp_path / "data")]
    assert CliRunner().invoke(main, asked).exit_code == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert CliRunner().invoke(main, asked[:3]).exit_code == 0
    assert str(voc) in CliRunner().invoke(main, ["data", "ls"]).stdout


def test_prepare_names_annotations_that_cannot_be_used(voc: Path, tmp_path: Path) -> None:
    (voc / "Annotations" / "000002.xml").write_text("<annotation>")
    done = bench(tmp_path, tmp_path / "data", "data", "prepare", "voc2007")
    assert done.exit_code == 1 and "cannot be used: 000002" in done.output
    assert "1 annotations cannot be used" in done.output


def test_prepare_that_cannot_write_leaves_nothing_half_written(voc: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "indices").write_text("a file in the place of the folder")
    done = bench(tmp_path, tmp_path / "data", "data", "prepare", "voc2007")
    assert done.exit_code == 2 and "indices" in done.output and "Traceback" not in done.output


def test_the_fix_list_is_what_skip_bad_takes(voc: Path, tmp_path: Path) -> None:
    (voc / "JPEGImages" / "000003.jpg").write_bytes(b"\xff\xd8 not a picture")
    (voc / "Annotations" / "000010.xml").unlink()
    done = bench(tmp_path, tmp_path / "data", "data", "check", "voc2007", "--fix-list", "bad.txt")
    assert done.exit_code == 1 and "bad.txt: 2 images to leave out" in done.output
    assert (tmp_path / "bad.txt").read_text() == "000003\n000010\n"
    run = ("run", "--methods", "resnet", "--data", "voc2007", "--backbone", "resnet18", "--dry-run")
    assert bench(tmp_path, tmp_path / "data", *run).exit_code == 2
    assert "7 training and 5 test images" in bench(tmp_path, tmp_path / "data", *run, "--skip-bad").output
    with_list = bench(tmp_path, tmp_path / "data", *run, "--skip-bad", "bad.txt")
    assert with_list.exit_code == 0 and "7 training and 5 test images" in with_list.output
    assert "--skip-bad name no image" not in with_list.output
    (tmp_path / "more.txt").write_text("000003\n000010\n000001.jpg\n")
    more = bench(tmp_path, tmp_path / "data", *run, "--skip-bad", "more.txt").output
    assert "7 training and 5 test images" in more
    assert (
        "note: voc2007: 1 of 3 entries of the list of --skip-bad name no image: '000001.jpg'; an image is "
        "named as `bench data check --fix-list` writes it, such as '000001'" in more
    )
    (voc / "JPEGImages" / "000004.jpg").unlink()
    refused = bench(tmp_path, tmp_path / "data", *run, "--skip-bad", "bad.txt")
    assert refused.exit_code == 2 and "000004" in refused.output and "000003" not in refused.output
    none = bench(tmp_path, tmp_path / "data", *run, "--skip-bad", "none.txt")
    assert none.exit_code == 2 and "No list none.txt" in none.output


def test_check_goes_on_where_no_image_is_there(voc: Path, tmp_path: Path) -> None:
    for path in (voc / "JPEGImages").iterdir():
        path.unlink()
    done = bench(tmp_path, tmp_path / "data", "data", "check", "voc2007")
    assert done.exit_code == 1 and "14 files cannot be used" in done.output
    stats = bench(tmp_path, tmp_path / "data", "data", "stats", "voc2007")
    assert stats.exit_code == 2 and "No image of trainval" in stats.output


def test_stats_writes_cooccurrence_as_a_table_and_a_picture(tmp_path: Path) -> None:
    own = write_own_csv(tmp_path / "own")
    done = bench(tmp_path, None, "data", "stats", str(own), "--out", "stats")
    assert done.exit_code == 0, done.output
    with (tmp_path / "stats" / "own-train-labels.csv").open() as file:
        table = {row["label"]: row for row in csv.DictReader(file)}
    # Of 0, 1, 3, 4, 6, 7, 9 and 10 the first four are low.
    assert [table[name]["images"] for name in ("even", "low", "odd")] == ["4", "4", "4"]
    assert table["low"]["with:even"] == table["even"]["with:low"] == "2"
    assert table["even"]["with:odd"] == "0"
    picture = tmp_path / "stats" / "own-train-labels.png"
    with Image.open(picture) as image:
        assert image.format == "PNG" and min(image.size) > 300
    before = picture.read_bytes()
    bench(tmp_path, None, "data", "stats", str(own), "--out", "stats")
    assert picture.read_bytes() == before, "equal data gives an equal picture"


def test_an_unknown_data_set_is_named_with_its_nearest(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "data", "check", "coco2013")
    assert done.exit_code == 2 and "Did you mean 'coco2014'" in done.output


def test_a_standard_set_of_which_files_are_missing_is_said_at_the_start_and_in_every_header(
    voc: Path, tmp_path: Path
) -> None:
    trained = bench(tmp_path, tmp_path / "data", "run", *TINY, "--methods", "resnet", "--epochs", "1")
    first = trained.stdout.splitlines()[0]
    said = "note: voc2007: only 8 of 5,011 training and 6 of 4,952 test images are used"
    assert first == said and trained.stdout.count(said) == 1
    planned = bench(tmp_path, tmp_path / "data", "run", *TINY, "--methods", "salgl", "--dry-run").stdout
    assert planned.splitlines().count(said) == 1
    assert "voc2007, 8 of 5,011 training and 6 of 4,952 test images" in bench(tmp_path, None, "tables").stdout
