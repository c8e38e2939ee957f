"""Write small data sets of one's own: YOLO's layout, folders named by classes."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from trees import write_picture

# Of twelve pictures the class numbers of their boxes; every third is for evaluation.
NAMES = ("cat", "dog", "bird")
NUMBERS = tuple(tuple(sorted({number % 3, number // 4})) if number != 7 else () for number in range(12))
SPLIT = ("train", "train", "val")


def labels_of(number: int) -> dict[str, int]:
    """The labels of a picture of `write_yolo`."""
    return {NAMES[found]: 1 for found in NUMBERS[number]}


def write_yolo(folder: Path, data: dict[str, object] | None = None, images: str = "images/{split}") -> Path:
    """Write pictures, text files of boxes and polygons, data.yaml and own.yaml; returns own.yaml.

    Args:
        folder: where to; it need not be there.
        data: what data.yaml says besides the splits and names, or instead of them.
        images: the folder of the pictures of a split.
    """
    for number, found in enumerate(NUMBERS):
        place = folder / images.format(split=SPLIT[number % 3])
        text = folder / images.format(split=SPLIT[number % 3]).replace("images", "labels") / f"{number}.txt"
        place.mkdir(parents=True, exist_ok=True)
        text.parent.mkdir(parents=True, exist_ok=True)
        write_picture(place / f"{number}.jpg", seed=number)
        lines = [f"{one} 0.5 0.5 0.2 0.2\n{one} 0.1 0.1 0.2 0.1 0.2 0.3\n" for one in found]
        if found:  # picture 7 has no text file
            text.write_text("".join(lines), encoding="utf-8")
    paths = {split: images.format(split=split) for split in ("train", "val")}
    (folder / "data.yaml").write_text(yaml.safe_dump({**paths, "names": list(NAMES), **(data or {})}))
    own = folder / "own.yaml"
    own.write_text("name: own\nyolo: {data: data.yaml}\nsplits: {train: train, eval: val}\n")
    return own


def write_folders(folder: Path, splits: bool = True) -> Path:
    """Write `photos/train/cat/0.jpg` or `photos/cat/0.jpg` and so on, and own.yaml; returns own.yaml."""
    for number in range(12):
        home = folder / "photos" / SPLIT[number % 3] if splits else folder / "photos"
        place = home / ("cat", "dog", "cat+dog")[number // 4]
        place.mkdir(parents=True, exist_ok=True)
        write_picture(place / f"{number}.jpg", seed=number)
    own = folder / "own.yaml"
    said = "{train: train, eval: val}" if splits else "{train: 0.5}"
    own.write_text(f"name: own\nfolders: {{folder: photos, separator: +}}\nsplits: {said}\n")
    return own


def hugging_face_table(numbers: list[int], labels: str = "ids") -> Any:
    """Some pictures of `write_yolo` as a table that holds them, as Hugging Face's datasets make one.

    Args:
        numbers: which pictures.
        labels: `ids` for lists of numbers with their names in the schema, `names` for lists of names, `one`
            for the number of the first label alone.
    """
    import pyarrow as pa

    with TemporaryDirectory() as folder:
        contents = []
        for number in numbers:
            write_picture(Path(folder) / "a.jpg", seed=number)
            contents.append({"bytes": (Path(folder) / "a.jpg").read_bytes(), "path": f"{number}.jpg"})
    class_label = {"names": list(NAMES), "_type": "ClassLabel"}
    text = {"dtype": "string", "_type": "Value"}
    of_names = [[NAMES[one] for one in NUMBERS[number]] for number in numbers]
    values, kind, feature = {
        "ids": ([list(NUMBERS[number]) for number in numbers], pa.list_(pa.int64()), class_label),
        "names": (of_names, pa.list_(pa.string()), text),
        "one": ([(*NUMBERS[number], 0)[0] for number in numbers], pa.int64(), class_label),
    }[labels]
    of_labels = feature if labels == "one" else {"feature": feature, "_type": "List"}
    picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema({"image": picture, "labels": kind})
    about = {
        "huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "labels": of_labels}}})
    }
    columns = [pa.array(contents, picture), pa.array(values, kind)]
    return pa.Table.from_arrays(columns, schema=schema.with_metadata(about))


def save_to_disk(folder: Path, *tables: Any) -> None:
    """Write tables as `Dataset.save_to_disk` does, a shard for each."""
    import pyarrow as pa

    folder.mkdir(parents=True)
    names = [f"data-{number:05d}-of-{len(tables):05d}.arrow" for number in range(len(tables))]
    for name, table in zip(names, tables, strict=True):
        with (folder / name).open("wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


TRAIN, VAL = ([number for number in range(12) if (SPLIT[number % 3] == split)] for split in ("train", "val"))


def write_saved(folder: Path, labels: str = "ids") -> Path:
    """Write `saved` as `DatasetDict.save_to_disk` does, the first split in two shards; returns own.yaml."""
    first, second = TRAIN[:5], TRAIN[5:]
    save_to_disk(folder / "saved" / "train", *(hugging_face_table(part, labels) for part in (first, second)))
    save_to_disk(folder / "saved" / "val", hugging_face_table(VAL, labels))
    (folder / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "val"]}')
    own = folder / "own.yaml"
    own.write_text("name: own\nhuggingface: {data: saved}\nsplits: {train: train, eval: val}\n")
    return own


def write_parquet(folder: Path, labels: str = "ids", splits: bool = True) -> Path:
    """Write `data/train-00000-of-00002.parquet` and so on, or one file of all; returns own.yaml."""
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True)
    parts = {"train-00000-of-00002": TRAIN[:3], "train-00001-of-00002": TRAIN[3:], "val-00000-of-00001": VAL}
    for name, numbers in (parts if splits else {"birds": list(range(12))}).items():
        pq.write_table(hugging_face_table(numbers, labels), folder / "data" / f"{name}.parquet")
    own = folder / "own.yaml"
    said = "{train: train, eval: val}" if splits else "{train: 0.5}"
    data = "." if splits else "data/birds.parquet"
    own.write_text(f"name: own\nhuggingface: {{data: {data}}}\nsplits: {said}\n")
    return own
