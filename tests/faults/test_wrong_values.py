"""Files whose form is right and whose content is not: a value of any kind in the place of a real one."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile_readers import READERS

# Those with a file of YAML or JSON.
NAMES = [name for name in READERS if any(kind in name for kind in ("YAML", "JSON", "yaml"))]
NAMES += [
    "designs of tunes",
    "reports of bench profile",
    "matrices that were submitted",
    "claims on runs",
    "folders of one's own",
    "records, scores, verifications",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([0, -1, 2**63, 1e308, "", ".", "..", "/", "NaN", "nan", "-1", "1e9", "0x10", "\0"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def is_tree(file: Path) -> bool:
    """Whether it is YAML or JSON, whatever it is called."""
    return file.suffix in (".json", ".yaml") or file.read_bytes()[:1] == b"{"


def places(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a tree of mappings and lists, from its root."""
    yield above
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield from places(value, (*above, key))


def with_value(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(tree)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.fixture(scope="module", params=NAMES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, list[Path]]:
    """A reader, a folder that it reads, and the files in it whose values are changed."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(folder / "work"))
        files = [path for path in READERS[request.param].make(folder) if is_tree(path)]
    assert files
    return request.param, folder, files


@pytest.mark.slow
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_wrong_value_is_refused_or_read(
    made: tuple[str, Path, list[Path]], monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    name, folder, files = made
    monkeypatch.setenv("BENCH_WORK", str(folder / "work"))
    reader, file = READERS[name], data.draw(st.sampled_from(files), "file")
    whole = file.read_bytes()
    tree = yaml.safe_load(whole) if file.suffix == ".yaml" else json.loads(whole)
    place = data.draw(st.sampled_from(list(places(tree))), "place")
    changed = with_value(tree, place, data.draw(VALUES, "value"))
    text = yaml.safe_dump(changed, allow_unicode=True) if file.suffix == ".yaml" else json.dumps(changed)
    file.write_text(text, encoding="utf-8")
    try:
        reader.read(folder)
    except reader.refused as error:
        assert str(error)
    finally:
        file.write_bytes(whole)
