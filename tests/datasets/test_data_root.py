"""Where the data is looked for: the option, then the environment, then the configuration file."""

from pathlib import Path

import pytest

from bench.datasets.open import open_dataset
from bench.errors import UserError
from trees import write_voc


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three trees of different sizes, and no configuration of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_DATA_ROOT", "BENCH_WORK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for count, folder in enumerate(("option", "environment", "file"), start=2):
        write_voc(tmp_path / folder, train=count, test=1)


def opened(root: Path | None = None) -> str:
    """The tree that was opened."""
    return open_dataset("voc2007", root).root.parents[1].name


def test_the_option_wins_then_the_environment_then_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"Give --data-root DIR, set BENCH_DATA_ROOT, or .*\.bench\.yaml"):
        opened()
    Path(".bench.yaml").write_text("data_root: file\n")
    assert opened() == "file"
    monkeypatch.setenv("BENCH_DATA_ROOT", "environment")
    assert opened() == "environment"
    assert opened(Path("option")) == "option"


def test_a_wrong_place_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".bench.yaml").write_text("data_root: file\n")
    monkeypatch.setenv("BENCH_DATA_ROOT", "nowhere")
    with pytest.raises(UserError, match="nowhere is not a folder"):
        opened()


def test_the_file_may_name_a_folder_per_data_set() -> None:
    Path(".bench.yaml").write_text("data_root:\n  voc2007: file\n")
    assert opened() == "file"
    Path(".bench.yaml").write_text("data_root: {voc2012: file}\n")
    with pytest.raises(UserError, match="Where is PASCAL VOC 2007"):
        opened()


def test_the_users_own_file_is_read_where_there_is_none_here(tmp_path: Path) -> None:
    config = tmp_path / "home" / "bench" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"data_root: {tmp_path / 'file'}\n")
    assert opened() == "file"
    Path(".bench.yaml").write_text("data_root: option\n")
    assert opened() == "option"


def test_an_empty_file_says_nothing() -> None:
    Path(".bench.yaml").write_text("# nothing yet\n")
    with pytest.raises(UserError, match="Where is PASCAL VOC 2007"):
        opened()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data_root: [", r"\.bench\.yaml is not YAML"),
        ("- data_root", r"\.bench\.yaml is not a mapping"),
        ("data_rot: x", "In .bench.yaml: 'data_rot' is not a known key, did you mean 'data_root'"),
        ("data_root: [a, b]", "In .bench.yaml: 'data_root"),
    ],
)
def test_a_bad_file_is_refused_by_name(text: str, message: str) -> None:
    Path(".bench.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        opened()
