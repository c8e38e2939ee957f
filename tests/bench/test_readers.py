"""Files that are damaged or made to do harm end as the project's error, and take no memory for it."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.arrays import ArrayError, PickleError, read_arrays
from bench.datasets.index import SplitIndex
from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.files import parse_yaml, read_json, read_mapping
from bench_command import bench
from trees import write_own_csv

# Nine times nine times nine ... of a word: 361 bytes that mean half a million values.
REPEATED = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcde", "bcdef", strict=True)
)
NOT_YAML = (
    *(
        "a: 2020-13-45",
        "a: !!int ''",
        "a: !!timestamp x",
        "a: !!bool x",
        f"a: {'9' * 5000}",
        f"a: 0x{'9' * 5000}",
        "a: \0",
        "a: &a [*a]",
    ),
    *(
        f"a: {'[' * 5000}",
        "? {a: 1}\n: 2",
        "a: !!python/object/apply:os.system [ls]",
        "x: &x {<<: *x}",
        REPEATED,
    ),
)


@pytest.mark.parametrize("text", NOT_YAML)
def test_a_yaml_file_that_says_what_no_value_can_be_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(text.encode())
    with pytest.raises(UserError, match=r"^The data set file .*own\.yaml is not YAML: ") as refused:
        read_mapping(file, "data set file")
    assert len(str(refused.value)) < 700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr: 1\nepochs: 2\nlr: 3\n", "'lr' is given twice, in lines 1 and 3; leave one out."),
        ("set:\n  lr: 1\n  'lr': 1\n", "'lr' is given twice, in lines 2 and 3; leave one out."),
        ("all:\n- {a: 1, a: 2}\n", "'a' is given twice, in line 2; leave one out."),
        ("{&a a: 1, *a : 2}", "'a' is given twice, in line 1; leave one out."),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """YAML keeps the last one, and nobody would know which was meant."""
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        read_mapping(file, "space file")
    assert str(refused.value) == f"The space file {file} is not YAML: {said}"


def test_a_key_may_stand_in_several_mappings_and_beside_what_is_merged() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\nd: {1: 0, '1': 0}\n"
    found = parse_yaml(text)
    assert [found[name] for name in "abc"] == [{"x": x, "y": 1} for x in (1, 2, 3)]
    assert found["d"] == {1: 0, "1": 0}


@pytest.mark.parametrize("text", ["name: [", "a: \0", "? {a: 1}\n: 2", "a: !!python/none x"])
def test_what_is_wrong_in_a_yaml_file_is_located_in_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(text.encode())
    with pytest.raises(UserError, match=r'in "(.*)own\.yaml", (line 1, column|position) \d') as refused:
        read_mapping(file, "data set file")
    assert f'"{file}"' in str(refused.value) and "string>" not in str(refused.value)


def test_aliases_that_repeat_little_are_read() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: *a}}\n") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": [1, 2]},
    }


@pytest.mark.parametrize("value", ["2020-13-45", "9" * 5000, "[" * 2000])
def test_a_method_option_that_is_no_value_is_refused(value: str) -> None:
    with pytest.raises(UserError, match="is no value for tau") as refused:
        parse_methods((f"ml-gcn/tau={value}",))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("content", [b"[" * 100_000, b"9" * 5000, b"\x00", b"\xff\xfe\xfa", b"", b'{"a": '])
def test_json_that_cannot_be_read_is_a_valueerror(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"some\.json is no JSON that can be read"):
        read_json(file)


def npy(shape: str, kind: str = "<f4", body: bytes = b"") -> bytes:
    """A `.npy` file whose header declares what it likes."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return file.getvalue()


def flipped(content: bytes) -> bytes:
    """With a damaged middle, where the packed bytes are."""
    middle = len(content) // 2
    return (
        content[:middle] + bytes(byte ^ 0x55 for byte in content[middle : middle + 8]) + content[middle + 8 :]
    )


RANDOM = np.random.default_rng(0).bytes(4000)
BROKEN_ARRAYS = {
    "declares terabytes": npy("(1000000, 1000000)"),
    "declares terabytes, packed": npz(logits=npy("(1000000, 1000000)")),
    "declares more than there is": npy("(1001,)", body=RANDOM),
    "declares less than nothing": npy("(-1, -1)", body=RANDOM),
    "overflows": npy("(4294967296, 4294967296, 4294967296)"),
    "is no shape": npy("('a',)", body=RANDOM),
    "no header": b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((((",
    "an endless header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "nested header": npy("(" * 3000),
    "cut": npz(logits=npy("(1000,)", body=RANDOM))[:-30],
    "damaged": flipped(npz(logits=npy("(1000,)", body=RANDOM))),
    "a bomb": npz(logits=npy("(100000000,)", "|i1", bytes(100_000_000))),
    "no array": npz(logits=b"text"),
    "text": b"words",
    "empty": b"",
}


@pytest.mark.parametrize("content", BROKEN_ARRAYS.values(), ids=BROKEN_ARRAYS)
def test_arrays_that_are_damaged_or_declare_too_much_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    file.write_bytes(content)
    with pytest.raises(ArrayError) as refused:
        read_arrays(file)
    assert len(str(refused.value)) < 400
    with pytest.raises(ValueError, match="is not an index"):
        SplitIndex.load(file, tmp_path)


def test_arrays_that_numpy_wrote_are_read_as_it_reads_them(tmp_path: Path) -> None:
    kept = {
        "a": np.arange(6).reshape(2, 3),
        "b": np.array(["x", "yy"]),
        "c": np.array(1.5),
        "d": np.zeros((0, 4)),
    }
    kept["e"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "all.npz", **kept)
        found = read_arrays(tmp_path / "all.npz")
        assert found.keys() == kept.keys()
        for name, array in kept.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
    np.save(tmp_path / "one.npy", kept["e"])
    np.testing.assert_array_equal(read_arrays(tmp_path / "one.npy")[""], kept["e"])
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    with pytest.raises(PickleError):
        read_arrays(tmp_path / "objects.npy")


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage", [flipped, lambda whole: whole[: len(whole) // 2], lambda _: npz(ids=npy("(9,)"))]
)
def test_what_is_kept_of_a_data_set_and_is_damaged_is_made_again(damage: Damage, tmp_path: Path) -> None:
    write_own_csv(tmp_path / "data")
    whole = bench(tmp_path, None, "data", "check", "data/own.yaml")
    kept = [path for path in (tmp_path / "work").rglob("*") if path.suffix in (".npz", ".json")]
    assert len(kept) == 4  # two indices, the classes, the checksums
    for path in kept:
        path.write_bytes(damage(path.read_bytes()) if path.suffix == ".npz" else b"[" * 100_000)
    assert bench(tmp_path, None, "data", "check", "data/own.yaml").output == whole.output
    assert whole.exit_code == 0


def test_a_long_value_is_cut_wherever_it_is_quoted(tmp_path: Path) -> None:
    long = "z" * 1_000_000
    (tmp_path / "own.yaml").write_text(
        f"name: own\ncsv: {{file: [{long}]}}\nsplits: {{train: {long}}}\n{long}: 1\n"
    )
    (tmp_path / "spec.yaml").write_text(f"data: scenes\nepochs: {long}\nmethods: [{long}]\n")
    content = {"images": [{"id": long, "file_name": "a.jpg"}], "categories": [], "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (tmp_path / "coco.yaml").write_text(
        "name: c\ncoco: {annotations: a.json, images: .}\nsplits: {train: 0.5}\n"
    )
    for words in (
        ("data", "check", "own.yaml"),
        ("run", "--spec", "spec.yaml"),
        ("run", "--data", "scenes", "--methods", long),
        ("data", "check", "coco.yaml"),
        ("show", long),
        ("tables", long),
        ("schedules", long),
    ):
        done = bench(tmp_path, None, *words)
        assert done.exit_code == 2 and len(done.output) < 12_000, words


def test_yes_no_and_numbers_among_classes_are_explained(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\ncsv: {}\nsplits: {train: 0.5}\nclasses: [yes, 1, cat]\n")
    done = bench(tmp_path, None, "data", "check", "own.yaml")
    assert done.exit_code == 2
    assert (
        "'classes.0' is true: input should be a valid string: put yes, no and numbers in quotes"
        in done.stderr
    )
    assert "'classes.1' is 1: " in done.stderr and "tuple" not in done.stderr


def test_no_kind_that_was_tried_is_named_where_a_field_takes_several(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\ncoco: {annotations: {a: 1}, images: 3}\nsplits: {train: [x]}\n"
    )
    done = bench(tmp_path, None, "data", "check", "own.yaml")
    assert "'coco.annotations.a' is 1" in done.stderr and "'coco.images' is 3" in done.stderr
    assert "'splits.train' is ['x']: input should be a valid string or a valid number" in done.stderr
    assert "dict[" not in done.stderr and ".str'" not in done.stderr and ".float'" not in done.stderr
