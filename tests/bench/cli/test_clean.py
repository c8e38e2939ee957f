"""`bench clean`: what the work folder holds, and that nothing else than what is asked for goes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.cli.work_files import KINDS
from bench.settings import MODEL
from bench_command import TINY, bench
from hostile import everything_below
from made_records import made_cell, store_made
from trees import write_voc

FILES = {
    "indices": ["indices/voc2007-0a/trainval.npz", "indices/voc2007-0a/classes.json"],
    "checks": ["cache/checks-0a.json"],
    "vectors": ["cache/vectors-0a.npz", "cache/.vectors-0b.npz.77.npz"],
    "pictures": ["pictures/0a/0b", "pictures/0a/.0b.77"],
    "features": ["features/0a/train.npy", "features/.0b.77/eval.npy"],
    "intervals": ["bootstrap/0a.npz"],
    "agreements": ["cache/agreed/0123456789abcdef01234567"],
    "scenes": ["data/scenes-v1/VOCdevkit/Scenes/JPEGImages/1.jpg"],
    "unpacked": ["unpacked/0a/rows.json", "unpacked/0a/pictures/0b", "unpacked/.0c.77/pictures/0d"],
    "downloads": ["data/downloads/train2014.zip.part"],
    "checkpoints": [
        "runs/a/training.pt",
        "runs/a/training.json",
        "runs/b/.best.safetensors.77.safetensors",
        "runs/a/error.txt",
    ],
    "exports": ["runs/c/model.onnx", "runs/c/model.onnx.json", "runs/c/.model.pt2.77.pt2"],
    "models": ["runs/c/model.safetensors"],
    "jobs": ["jobs/20261127-074237-8687a8/job.json", "jobs/20261127-074237-8687a8/logs/a.log"],
    "logs": ["logs/tensorboard/a/events.out.tfevents.000000"],
    "demo": ["demo/runs/scenes-prior-s0-0a/record.json", "demo/tables/scenes-cost.md"],
    "others": [
        "data/roots.json",
        "data/nuswide/Flickr/1.jpg",
        "notes.txt",
        "runs/a/record.json",
        "runs/e/README.md",
    ],
}
CACHES = (
    *(
        "indices",
        "checks",
        "vectors",
        "pictures",
        "features",
        "intervals",
        "agreements",
        "scenes",
        "unpacked",
    ),
)


def clean(folder: Path, *arguments: str, answer: str | None = None) -> Result:
    environment = {"BENCH_WORK": str(folder), "COLUMNS": "200"}
    return CliRunner().invoke(main, ["clean", *arguments], input=answer, env=environment)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    for size, name in enumerate((name for names in FILES.values() for name in names), start=1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return folder


def files_of(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in everything_below(folder)
        if path.is_symlink() or not path.is_dir()
    }


def left(*kinds: str) -> set[str]:
    """The files that stay where these kinds are removed."""
    return {name for kind, names in FILES.items() if kind not in kinds for name in names}


def test_every_kind_is_listed_with_its_files_and_their_bytes(work: Path) -> None:
    done = clean(work)
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    for kind in KINDS:
        size = sum((work / name).stat().st_size for name in FILES[kind])
        assert lines[kind][1:4] == [str(len(FILES[kind])), str(size), "bytes"], kind
    size = sum((work / name).stat().st_size for name in FILES["others"])
    assert [str(len(FILES["others"])), str(size), "bytes", "others,"] in [
        line.split()[:4] for line in done.stdout.splitlines()
    ]
    assert str(work) in done.stdout.splitlines()[0]
    assert files_of(work) == left(), "nothing was removed"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_for_goes_and_nothing_else(kind: str, work: Path) -> None:
    done = clean(work, kind, "--yes")
    assert done.exit_code == 0, done.output
    assert files_of(work) == left(kind)
    gone = [parent for name in FILES[kind] for parent in Path(name).parents if str(parent) != "."]
    stays = {parent for name in left(kind) for parent in Path(name).parents}
    assert not [folder for folder in gone if folder not in stays and (work / folder).exists()], (
        "no empty ones"
    )


def test_caches_are_what_is_made_again(work: Path) -> None:
    assert clean(work, "caches", "checkpoints", "--yes").exit_code == 0
    assert files_of(work) == left(*CACHES, "checkpoints")


def test_it_asks_first_and_a_dry_run_only_says(work: Path) -> None:
    for answer in ("n\n", "", None):
        done = clean(work, "caches", answer=answer)
        assert done.exit_code == 1 and f"Remove this from {work}?" in done.output
    dry = clean(work, "features", "models", "--dry-run")
    (model,) = FILES["models"]
    assert dry.exit_code == 0
    assert f"models: 1 file, {(work / model).stat().st_size} bytes: {model}\n" in dry.output
    assert "features: 2 files, " in dry.output and "Nothing was removed" in dry.output
    assert "indices" not in dry.output
    assert files_of(work) == left()
    assert clean(work, "caches", answer="y\n").exit_code == 0
    assert files_of(work) == left(*CACHES)


def test_nothing_there_and_names_that_there_are_not(work: Path, tmp_path: Path) -> None:
    wrong = clean(work, "feature", "--yes")
    assert wrong.exit_code == 2 and "Did you mean 'features'?" in wrong.output
    assert files_of(work) == left()
    assert clean(work, "demo", "--yes").exit_code == 0
    again = clean(work, "demo", "--yes")
    assert again.exit_code == 0 and "holds none of it" in again.output
    for arguments in ((), ("caches", "--yes")):
        nothing = clean(tmp_path / "nowhere", *arguments)
        assert nothing.exit_code == 0 and "nothing to remove" in nothing.output
    assert not (tmp_path / "nowhere").exists()


def test_links_are_not_followed(work: Path, tmp_path: Path) -> None:
    outside = tmp_path / "disk"
    for name in ("bootstrap/0a.npz", "coco/1.jpg", "model.safetensors", "npy"):
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_bytes(b"y" * 1000)
    before = files_of(outside)
    (work / "bootstrap" / "0a.npz").unlink()
    (work / "bootstrap").rmdir()
    (work / "bootstrap").symlink_to(outside / "bootstrap")  # a whole kind on another disk
    (work / "data" / "coco").symlink_to(outside / "coco")
    (work / "features" / "linked").symlink_to(outside)  # within what goes
    (work / "features" / "0a" / "eval.npy").symlink_to(outside / "npy")
    (work / "runs" / "d").symlink_to(outside)
    listed = clean(work).output
    for name in ("bootstrap", "data/coco"):
        assert f"{work / name} is a link: what it leads to is not counted, and stays." in listed
    lines = {line.split()[0]: line.split() for line in listed.splitlines()}
    assert lines["intervals"][1] == "0" and lines["models"][1] == "1" and lines["features"][1] == "4"
    assert "kB" not in listed, "what is outside is not counted"
    assert clean(work, *KINDS, "--yes").exit_code == 0
    assert files_of(outside) == before
    assert (work / "bootstrap").is_symlink() and (work / "data" / "coco").is_symlink()
    assert not (work / "features").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.txt",
        "/{outside}",
        "..",
        ".",
        "nuswide",
        "VOCdevkit/../../notes.txt",
        "linked/outside.txt",
        7,
    ],
)
def test_a_note_that_names_what_was_not_downloaded_removes_nothing(
    name: str | int, work: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (work / "data" / "linked").symlink_to(tmp_path)
    name = name.format(outside=outside) if isinstance(name, str) else name
    note = work / "data" / "downloads" / "VOCtest_06-Nov-2007.tar.unpacked.json"
    note.write_text(json.dumps({"size": 1, "hash": None, "files": [name]}))
    assert clean(work, "downloads", "--yes").exit_code == 0
    assert outside.read_text() == "mine"
    assert files_of(work) == left("downloads") | {"data/linked"}


def test_records_in_a_work_folder_that_holds_results_stay(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell("prior"), made_cell())
    before = {path: path.read_bytes() for path in store.folder.rglob("*.*") if path.is_file()}
    assert clean(tmp_path, *KINDS, "--yes").exit_code == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_every_file_that_runs_write_is_of_a_kind_and_what_is_cached_is_made_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    asked = ("run", *TINY, "--methods", "resnet", "--schedule", "frozen", "--epochs", "1")
    first = bench(tmp_path, data, *asked)
    assert first.exit_code == 0, first.output
    assert bench(tmp_path, data, "tables", "voc2007").exit_code == 0
    listed = bench(tmp_path, data, "clean").stdout
    lines = {line.split()[0]: line.split() for line in listed.splitlines()}
    assert lines["0"][3] == "others,", listed
    for kind in ("indices", "checks", "vectors", "features", "intervals", "models"):
        assert int(lines[kind][1]) > 0, f"{kind}\n{listed}"
    results = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*.*") if path.is_file()}
    assert bench(tmp_path, data, "clean", *KINDS, "--yes").exit_code == 0
    assert not everything_below(tmp_path / "work")
    assert {path: path.read_bytes() for path in results} == results
    again = bench(tmp_path, data, *asked, "--seeds", "0,1")
    assert again.exit_code == 0 and "1 of 3 runs done now" in again.output
    # A checkpoint and an error are of a kind, too.
    from bench.settings import BEST_FILES, CHECKPOINT

    for name, kind in ((CHECKPOINT, "checkpoints"), (BEST_FILES, "checkpoints"), (MODEL, "models")):
        path = tmp_path / "other" / "runs" / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert clean(tmp_path / "other", kind, "--yes").exit_code == 0
        assert not path.exists()
