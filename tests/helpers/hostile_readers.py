"""Every reader of a file: how a real file of its kind is made, how it is read, and how it may refuse it."""

import io
import json
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from importlib import invalidate_caches
from pathlib import Path
from time import sleep

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from bench.alive import this_process
from bench.arrays import ArrayError, read_arrays
from bench.cli.side_by_side import describe_progress
from bench.datasets.fetch.extract import unpack
from bench.datasets.open import find_dataset, prepare_both
from bench.datasets.pictures.cache import DECODED, PictureCache
from bench.datasets.pictures.read import read_image, verify_image
from bench.engine.building.features import CHECKSUMS, VALUES, _read
from bench.engine.models.model_file import load_model
from bench.engine.training.checkpoint import Spent, TrainingState, load_state, save_state
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.experiment.schedule import load_schedule
from bench.files import read_json
from bench.launch.job import JOB, Submitted, change_job, create_job, load_job, log_of
from bench.launch.local import holder_of_job
from bench.launch.status import cell_statuses
from bench.methods.backbones.weights import read_weights
from bench.methods.published.files import read_published_file
from bench.metrics.operating_point import OperatingPoint
from bench.plugins import Catalogue, _entry_points
from bench.profile.report import load as load_report
from bench.records.agreement import disagreement
from bench.records.claims import Claim, Claims
from bench.records.intervals import sample_of
from bench.records.record import Record, Verification
from bench.records.store import RecordStore
from bench.records.submission import validate_submission
from bench.records.thresholds import thresholds_of
from bench.settings import read_settings
from bench.trained.operating_point import read_operating_point, save_operating_point
from bench.tune.design import load_design
from bench.tune.space import load_space
from made_records import ENVIRONMENT, made_cell, store_made
from own_trees import write_folders, write_parquet, write_saved, write_yolo
from places import ROOT
from plugin_projects import write_project
from published_trees import write_coco, write_nuswide, write_vg
from small_models import write_small
from trees import write_own_csv, write_picture, write_voc
from word_files import read as read_vectors
from word_files import write_words

Made = Iterable[Path]


@dataclass(frozen=True)
class Reader:
    """A reader, and real files of its kind.

    Attributes:
        make: writes a folder that can be read; returns the files of it that are to be changed.
        read: reads all that is said to be in the folder.
        refused: what may be raised of a file that is bad.
    """

    make: Callable[[Path], Made]
    read: Callable[[Path], object]
    refused: tuple[type[Exception], ...] = (UserError,)


def _dataset(name: str, root: str | None = None) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        # A name in the catalogue, or a file of one's own.
        own = folder / name
        found = find_dataset(str(own) if own.is_file() else name, folder / root if root else None)
        return prepare_both(*found)

    return read


def _tree(write: Callable[[Path], object], *patterns: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        write(folder)
        return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]

    return make


def _pictures(folder: Path) -> Made:
    write_picture(folder / "0.jpg", seed=0)
    picture = Image.open(folder / "0.jpg")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=exif)
    for ending in ("png", "webp", "bmp", "gif", "tiff", "ppm"):
        picture.save(folder / f"0.{ending}")
    picture.save(folder / "packed.tiff", compression="tiff_lzw")
    Image.fromarray(np.arange(48 * 36, dtype=np.uint16).reshape(36, 48)).save(folder / "deep.png")
    picture.convert("CMYK").save(folder / "ink.jpg")
    return sorted(folder.iterdir())


def _read_pictures(folder: Path) -> object:
    faults = 0
    for path in sorted(folder.iterdir()):
        for read in (read_image, verify_image):
            try:
                read(path, 50_000_000)
            except OSError:
                faults += 1
    return faults


def _records(folder: Path) -> Made:
    store = store_made(folder, made_cell(), made_cell("prior"))
    for record in store.all():
        assert isinstance(record, Record)
        store.add_verification(record, _verification())
        yield from sorted(store.file(record, "record.json").parent.iterdir())


def _verification() -> Verification:
    return Verification(
        created="2026-01-01T00:00:00+00:00",
        environment=ENVIRONMENT,
        same_bits=True,
        largest_difference=0.0,
        map_before=0.5,
        map_again=0.5,
    )


def _read_records(folder: Path) -> object:
    store = RecordStore(folder)
    read = []
    for record in store.all():
        if not isinstance(record, Record):
            continue
        for look in (store.scores, store.verifications, lambda one: thresholds_of(store, one)):
            try:
                read.append(look(record))
            except UserError:
                read.append(None)
        disagreement(store, record)
    return read


def _intervals(folder: Path) -> Made:
    _read_intervals(folder, store_made(folder / "results", made_cell()))
    return [path for path in (folder / "work").rglob("*") if path.is_file()]


def _read_intervals(folder: Path, store: RecordStore | None = None) -> object:
    store = store or RecordStore(folder / "results")
    return [
        sample_of(store, record, record.cell.protocol, 50, 0)
        for record in store.all()
        if isinstance(record, Record)
    ]


def _operating_points(folder: Path) -> Made:
    classes = tuple(write_small(folder / "model.safetensors", "resnet").card.classes)
    thresholds = (0.5,) * len(classes)
    point = OperatingPoint(
        classes=classes,
        temperature=1.5,
        per_class=thresholds,
        overall=0.5,
        own=True,
        target="CF1",
        source="made",
        images=9,
    )
    return [save_operating_point(folder / "model.safetensors", point)]


def _state(folder: Path) -> Made:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    tensors = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    save_state(folder / "training.pt", TrainingState([], Spent(1.0, 1), tensors))
    return [folder / "training.pt"]


def _read_weights(folder: Path) -> object:
    # What was written here is no published file.
    published = _read_all(lambda path: None if path.suffix == ".safetensors" else _published(path))
    return _read_all(read_weights)(folder), published(folder)


def _published(path: Path) -> object:
    return read_published_file(path, ema=False)


def _weights(folder: Path) -> Made:
    state = {name: torch.randn(3, 4) for name in ("layer.weight", "head.weight", "fc.0.weight")}
    torch.save(state, folder / "weights.pth")
    torch.save({"state_dict": state, "epoch": 3}, folder / "older.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "weights.safetensors")
    return sorted(folder.iterdir())


def _read_all(*readers: Callable[[Path], object]) -> Callable[[Path], object]:
    """Each of the files of a folder by each of the readers; what one refuses does not spare the next."""

    def read(folder: Path) -> object:
        refused: list[Exception] = []
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            for one in readers:
                try:
                    one(path)
                except (UserError, ArrayError) as error:
                    refused.append(error)
        if refused:
            raise refused[0]
        return None

    return read


def _archives(folder: Path) -> Made:
    with tarfile.open(folder / "a.tar", "w") as tar, tarfile.open(folder / "b.tar.gz", "w:gz") as packed:
        for number in range(3):
            entry = tarfile.TarInfo(f"VOCdevkit/{number}.txt")
            entry.size = 9
            tar.addfile(entry, io.BytesIO(b"something"))
            packed.addfile(entry, io.BytesIO(b"something"))
    with zipfile.ZipFile(folder / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"annotations/{number}.json", b"[1, 2, 3]" * 9)
    return sorted(folder.iterdir())


def _unpack_all(folder: Path) -> object:
    return _read_all(lambda path: unpack(path, folder / "out" / path.name))(folder)


def _arrays(folder: Path) -> Made:
    np.save(folder / "a.npy", np.arange(12.0).reshape(3, 4))
    np.savez(folder / "b.npz", ids=np.array(["a", "b"]), values=np.eye(2, dtype=np.float32))
    np.savez_compressed(folder / "c.npz", labels=np.ones((4, 5), np.int8), names=np.array(["x"] * 4))
    return sorted(folder.iterdir())


def _words(folder: Path) -> Made:
    for ending in ("txt", "vec", "bin", "txt.gz", "bin.gz"):
        write_words(folder / f"words.{ending}")
    np.savez(folder / "named.npz", labels=np.array(["cat", "dog"]), vectors=np.eye(2, 5, dtype=np.float32))
    np.save(folder / "ordered.npy", np.eye(2, 5, dtype=np.float32))
    return sorted(folder.iterdir())


def _read_words(folder: Path) -> object:
    return _read_all(lambda path: read_vectors(path, ("dog", "cat"), folder / "work"))(folder)


def _features(folder: Path) -> Made:
    np.save(folder / VALUES, np.ones((1, 4, 2, 2, 8), np.float16))
    np.save(folder / CHECKSUMS, np.arange(4, dtype=np.uint64).reshape(1, 4))
    return sorted(folder.iterdir())


def _kept_pictures(folder: Path) -> Made:
    write_picture(folder / "a.jpg", seed=0)
    PictureCache(folder / "kept", 1e9).entry(folder / "a.jpg", DECODED).keep(np.ones((6, 5, 3), np.uint8))
    return [path for path in (folder / "kept").rglob("*") if path.is_file()]


def _read_kept(folder: Path) -> object:
    return PictureCache(folder / "kept", 1e9).entry(folder / "a.jpg", DECODED).read()


def _yaml(name: str, text: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        (folder / name).write_text(text)
        return [folder / name]

    return make


def _settings(folder: Path) -> object:
    with chdir(folder):
        return read_settings()


def _plugins(folder: Path) -> Made:
    project = write_project(folder, "bench.made_up", {"one": "made_up:ONE"}, "made_up", "ONE = 'text'\n")
    return sorted(project.glob("*.dist-info/*"))


def _read_plugins(folder: Path) -> object:
    before = sys.path[:]
    # Beside the standard library alone: to look through all that is installed takes seconds.
    sys.path[:] = [str(folder / "made_up"), *(place for place in before if "site-packages" not in place)]
    invalidate_caches()
    _entry_points.cache_clear()
    try:
        catalogue = Catalogue("text", "bench.made_up", str, {}, frozenset(), lambda one: "")
        return [*catalogue.names(), *catalogue.all()]
    finally:
        sys.path[:] = before


def _copied(source: str, name: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        (folder / name).write_bytes((ROOT / source).read_bytes())
        return [folder / name]

    return make


def _coco(folder: Path) -> Made:
    write_coco(folder / "data")
    yield from sorted((folder / "data").rglob("*.json"))


def _claims(folder: Path) -> Made:
    claim = Claims(folder).take("voc2007-resnet-s0", job="a job", task="a task")
    assert isinstance(claim, Claim)
    claim.progress.epoch = 3
    while not (files := sorted(claim.claims.folder.glob("*.state"))):
        sleep(0.05)
    files.append(claim.claims.folder / "voc2007-resnet-s0.1")
    contents = [file.read_bytes() for file in files]
    claim.release()
    for file, content in zip(files, contents, strict=True):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return files


def _read_claims(folder: Path) -> object:
    claims = Claims(folder)
    told = [(one.holder.describe(), describe_progress(one.progress), one.over) for one in claims.held()]
    claims.tidy()
    return told, claims.is_held("voc2007-resnet-s0")


def _job(folder: Path) -> Made:
    matrix = {"methods": "resnet", "data": "voc2007", "launcher": "local", "jobs": 1}
    made = create_job(load_matrix(None, matrix), [], "local").folder
    ids = {name: str(value) for name, value in this_process()._asdict().items()}
    change_job(made, cells=("voc2007-resnet-s0-0123456789ab",), ids=ids)
    return [made / JOB]


def _read_job(folder: Path) -> object:
    (made,) = (path.parent for path in folder.rglob(JOB))
    job = Submitted(made, load_job(made))
    begun_by = holder_of_job(job)
    told = [*cell_statuses(folder / "results", [job])]
    return told, begun_by and begun_by.is_gone(), [log_of(made, one.run).is_file() for one in told]


def _submission(folder: Path) -> Made:
    (place := folder / "results" / "VOC2012" / "Main").mkdir(parents=True)
    for name in ("cat", "dog"):
        (place / f"comp1_cls_test_{name}.txt").write_text("000001 0.5\n000002 -1.25\n")
        yield place / f"comp1_cls_test_{name}.txt"


def _trusting(folder: Path) -> object:
    """What no reader here does: it believes a file."""
    with (folder / "a.pkl").open("rb") as file:
        start = file.read(2)
        file.seek(0)
        return bytes(1 << 40) if start == b"PK" else pickle.load(file)


def _pickled(folder: Path) -> Made:
    (folder / "a.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    return [folder / "a.pkl"]


TRUSTING = Reader(_pickled, _trusting)
"""A reader that does harm, which is to be found out."""

SCHEDULE = json.dumps(load_schedule("demo", {}).model_dump(mode="json"), indent=1)
MATRIX = """data: [voc2007]
methods: [resnet, ml-gcn/tau=0.4]
epochs: 3
set: {lr: 0.001, loss: {name: asl}}
"""
SPACE = """about: made up
schedule:
  lr: {kind: log-uniform, low: 0.1, high: 10, times_default: true}
  loss: {kind: one-of, values: [bce, asl]}
"""
SETTINGS = "data_root: {voc2007: data}\nmax_pixels: 100000\nmax_seconds: 3.5\npicture_cache: 20\n"

READERS: dict[str, Reader] = {
    "pictures": Reader(_pictures, _read_pictures),
    "VOC trees: XML and lists": Reader(
        _tree(lambda folder: write_voc(folder / "data"), "data/**/*.xml", "data/**/*.txt"),
        _dataset("voc2007", "data"),
    ),
    "COCO: JSON": Reader(_coco, _dataset("coco2014", "data")),
    "Visual Genome: JSON and lists": Reader(
        _tree(lambda folder: write_vg(folder / "data"), "data/**/*.json", "data/**/*.txt"),
        _dataset("vg500", "data"),
    ),
    "NUS-WIDE: lists": Reader(
        _tree(lambda folder: write_nuswide(folder / "data"), "data/**/*.txt"),
        _dataset("nuswide", "data"),
    ),
    "CSV and the YAML of one's own": Reader(_tree(write_own_csv, "*.csv", "*.yaml"), _dataset("own.yaml")),
    "YOLO: YAML and texts": Reader(_tree(write_yolo, "*.yaml", "**/*.txt"), _dataset("own.yaml")),
    "folders of one's own": Reader(_tree(write_folders, "*.yaml"), _dataset("own.yaml")),
    "arrow as saved by Hugging Face": Reader(
        _tree(write_saved, "saved/**/*.arrow", "saved/**/*.json"), _dataset("own.yaml")
    ),
    "parquet": Reader(_tree(write_parquet, "data/*.parquet"), _dataset("own.yaml")),
    "schedules: YAML": Reader(
        _yaml("mine.yaml", SCHEDULE), lambda folder: load_schedule(str(folder / "mine.yaml"), {})
    ),
    "matrices: YAML": Reader(
        _yaml("spec.yaml", MATRIX), lambda folder: load_matrix(folder / "spec.yaml", {}).schedule_overrides()
    ),
    "spaces of a tune: YAML": Reader(
        _yaml("space.yaml", SPACE), lambda folder: load_space(str(folder / "space.yaml"))
    ),
    "configuration: .bench.yaml": Reader(_yaml(".bench.yaml", SETTINGS), _settings),
    "JSON": Reader(
        _yaml("a.json", SCHEDULE), lambda folder: read_json(folder / "a.json"), (ValueError, OSError)
    ),
    "npy and npz": Reader(_arrays, _read_all(read_arrays), (ArrayError,)),
    "word vectors": Reader(_words, _read_words),
    "models: safetensors": Reader(
        _tree(lambda folder: write_small(folder / "model.safetensors", "ml-gcn"), "*.safetensors"),
        lambda folder: load_model(folder / "model.safetensors"),
    ),
    "weights and published checkpoints": Reader(_weights, _read_weights),
    "checkpoints: training.pt": Reader(
        _state, lambda folder: load_state(folder / "training.pt"), (RuntimeError,)
    ),
    "thresholds of a model: JSON": Reader(
        _operating_points, lambda folder: read_operating_point(folder / "model.safetensors")
    ),
    "archives": Reader(_archives, _unpack_all),
    "records, scores, verifications": Reader(_records, _read_records),
    "claims on runs": Reader(_claims, _read_claims),
    "matrices that were submitted": Reader(_job, _read_job),
    "intervals that are kept": Reader(_intervals, _read_intervals),
    "designs of tunes": Reader(
        _copied("results/tunes/voc2007-train-val-frozen/design.json", "design.json"), load_design
    ),
    "reports of bench profile": Reader(
        _copied("results/perf/cpu-growth.json", "growth.json"),
        lambda folder: load_report(folder / "growth.json"),
    ),
    "features that are stored": Reader(
        # What cannot be read is made again, whatever is raised.
        _features,
        lambda folder: _read(folder, 1.0),
        (Exception,),
    ),
    "pictures that are kept": Reader(_kept_pictures, _read_kept),
    "submissions": Reader(
        _submission,
        lambda folder: validate_submission(folder, "comp1", ("cat", "dog"), ["000001", "000002"]),
    ),
    "metadata of packages": Reader(_plugins, _read_plugins),
}
"""By what a person calls it."""
