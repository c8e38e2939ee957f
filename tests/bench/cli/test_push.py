"""`bench push`: what arrives at a hub, byte for byte, and what is said where nothing does."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench.files import sha256_of_file
from bench.publish.description import describe, write_description
from bench.records.store import RecordStore
from bench.trained.operating_point import OperatingPoint, read_operating_point, save_operating_point
from bench_command import bench, own_environment, own_process
from hub_server import TOKEN, HubServer, hub_server
from made_records import made_cell, made_record
from small_models import small_model, write_small

REPO = "somebody/resnet-voc"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with hub_server() as server:
        for name, value in {
            "HF_ENDPOINT": server.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }.items():
            monkeypatch.setenv(name, value)
        # Read when the library is imported, which may have been for another server.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        yield server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The model of a run with a record, thresholds, and a file that was exported of it."""
    cell = made_cell("resnet")
    made = small_model("resnet")
    RecordStore(tmp_path / "results").save(*made_record(cell, made.card.classes))
    path = tmp_path / "work" / "runs" / cell.run_id() / "model.safetensors"
    write_small(path, "resnet", source=f"run {cell.run_id()}")
    point = OperatingPoint(
        classes=made.card.classes,
        temperature=1.5,
        per_class=(0.5,) * len(made.card.classes),
        overall=0.5,
        target="CF1",
        source="a test",
        images=9,
    )
    save_operating_point(path, point)
    write_exported(path)
    return path


def write_exported(model: Path) -> None:
    """A file as `bench export` leaves it; what is in it does not matter here."""
    exported = model.with_suffix(".onnx")
    exported.write_bytes(b"a graph" * 1000)
    card = small_model("resnet").card
    write_description(exported, describe(card, sha256_of_file(model), read_operating_point(model)))


def push(folder: Path, *arguments: str) -> Result:
    done = bench(folder, None, "push", *arguments)
    assert TOKEN not in done.output and "Traceback" not in done.output, done.output
    return done


def refusal(folder: Path, *arguments: str) -> str:
    done = push(folder, *arguments)
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()[-1:]
    return line


def test_all_files_arrive_as_they_are(hub: HubServer, model: Path, tmp_path: Path) -> None:
    """From a process of its own, as a user starts it."""
    asked = own_process("push", "voc2007-resnet", REPO, "--private", "--license", "cc-by-4.0")
    done = subprocess.run(
        asked, cwd=tmp_path, env=own_environment(tmp_path, tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    repository = hub.repositories[REPO]
    # Large files go to an address that needs no token.
    assert repository.private and hub.tokens == {f"Bearer {TOKEN}", None}
    assert repository.commits == [f"Upload run {model.parent.name}"]
    assert repository.files == {
        name: model.with_name(name).read_bytes()
        for name in (
            "model.safetensors",
            "README.md",
            "model.thresholds.json",
            "model.onnx",
            "model.onnx.json",
        )
    }
    card = repository.files["README.md"].decode()
    assert card.startswith("---\nlicense: cc-by-4.0\n") and "| mAP |" in card and "`model.onnx`" in card
    assert f"{hub.url}/{REPO}/commit/" in done.stdout and TOKEN not in done.stdout + done.stderr


def test_what_was_stated_or_written_by_hand_is_uploaded_next_time(
    hub: HubServer, model: Path, tmp_path: Path
) -> None:
    assert push(tmp_path, model.parent.name, REPO, "--license", "mit").exit_code == 0
    assert not hub.repositories[REPO].private
    card = model.with_name("README.md")
    card.write_text(card.read_text() + "Ask me before you use it.\n")
    assert push(tmp_path, model.parent.name, REPO).exit_code == 0
    arrived = hub.repositories[REPO].files["README.md"].decode()
    assert arrived.startswith("---\nlicense: mit\n") and arrived.endswith("Ask me before you use it.\n")
    card.write_text("---\nlicense: mit\n---\n# All mine\n")
    assert push(tmp_path, model.parent.name, REPO).exit_code == 0
    assert hub.repositories[REPO].files["README.md"] == card.read_bytes()


def test_a_card_with_scores_is_not_replaced_where_the_record_is_not_here(
    hub: HubServer, model: Path, tmp_path: Path
) -> None:
    assert push(tmp_path, str(model), REPO).exit_code == 0
    first = hub.repositories[REPO].files["README.md"]
    assert push(tmp_path, str(model), REPO, "--results", "elsewhere").exit_code == 0
    assert hub.repositories[REPO].files["README.md"] == first and b"| mAP |" in first


def test_a_dry_run_lists_files_and_sizes_and_asks_nobody(
    hub: HubServer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    done = push(tmp_path, model.parent.name, REPO, "--dry-run")
    assert done.exit_code == 0 and hub.paths == []
    lines = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()[1:6]}
    assert set(lines) == {"README.md"} | {
        path.name for path in model.parent.iterdir() if path.name != "README.md"
    }
    assert lines["model.safetensors"] == f"{model.stat().st_size:,}"
    assert not model.with_name("README.md").exists()


def test_a_licence_that_would_not_arrive_is_refused(hub: HubServer, model: Path, tmp_path: Path) -> None:
    card, asked = model.with_name("README.md"), (str(model), REPO, "--license", "cc-by-4.0")
    card.write_text("---\nlicense: mit\n---\n# All mine\n")
    for more in ((), ("--dry-run",), ("--results", "elsewhere")):
        assert "write `license: cc-by-4.0` into its metadata" in refusal(tmp_path, *asked, *more)
    assert hub.repositories == {} and card.read_text().startswith("---\nlicense: mit\n")
    card.write_text(card.read_text().replace("mit", "cc-by-4.0"))
    assert push(tmp_path, *asked).exit_code == 0


def test_where_a_model_is_missing_its_record_is_named(hub: HubServer, model: Path, tmp_path: Path) -> None:
    (tmp_path / "results").rename(tmp_path / "others")
    model.unlink()
    for command in (("push", "voc2007-resnet", REPO), ("export", "voc2007-resnet")):
        done = bench(tmp_path, None, *command, "--results", "others")
        assert done.exit_code == 2 and f"The record of {model.parent.name} is stored" in done.stderr


def test_no_token_and_no_such_run(
    hub: HubServer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Unknown model or run 'voc2007-resnt'" in refusal(tmp_path, "voc2007-resnt", REPO)
    monkeypatch.delenv("HF_TOKEN")
    assert "no token: log in with `hf auth login`, or set HF_TOKEN" in refusal(tmp_path, str(model), REPO)
    assert hub.paths == []


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (401, f"Invalid token {TOKEN}", "401 Unauthorized.*see that the token may write there"),
        (403, "You may not write to somebody", "403 Forbidden.*You may not write to somebody"),
        (413, "Too much", "413"),
        (500, "Out of order", "500 Internal Server Error"),
    ],
)
def test_a_refusal_says_why(
    status: int, said: str, told: str, hub: HubServer, model: Path, tmp_path: Path
) -> None:
    hub.refuses = status, said
    line = refusal(tmp_path, str(model), REPO)
    assert f"refused the upload to {REPO}" in line
    assert re.search(told, line), line
    assert hub.repositories == {}


def test_no_network(model: Path, tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "127.0.0.1:9 cannot be reached" in refusal(tmp_path, str(model), REPO)


@pytest.mark.parametrize("name", ["a/b/c", "what a name", "so--mebody/x"])
def test_a_name_that_is_none(name: str, hub: HubServer, model: Path, tmp_path: Path) -> None:
    assert f"'{name}' is no name such as owner/name" in refusal(tmp_path, str(model), name)
    assert hub.repositories == {}


def test_what_is_public_is_not_taken_for_private(hub: HubServer, model: Path, tmp_path: Path) -> None:
    assert push(tmp_path, str(model), REPO).exit_code == 0
    hub.repositories[REPO].files.clear()
    line = refusal(tmp_path, str(model), REPO, "--private")
    assert f"{REPO} is there already and is public" in line and hub.repositories[REPO].files == {}


def test_what_was_exported_of_another_model_is_not_uploaded(
    hub: HubServer, model: Path, tmp_path: Path
) -> None:
    thresholds = model.with_suffix(".thresholds.json")
    changed: dict[str, Any] = json.loads(thresholds.read_text())
    thresholds.write_text(json.dumps({**changed, "temperature": 2.0}))
    assert "before its thresholds were fitted: export it again" in refusal(tmp_path, str(model), REPO)
    write_exported(model)
    assert push(tmp_path, str(model), REPO, "--dry-run").exit_code == 0
    write_small(model, "csra", source="another")
    assert "model.onnx was exported from another model" in refusal(tmp_path, str(model), REPO)
    model.with_name("model.onnx.json").unlink()
    assert "lacks its description model.onnx.json" in refusal(tmp_path, str(model), REPO)
    assert hub.repositories == {}


def test_without_the_library_its_extra_is_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'mlr-bench[hub]'" in refusal(tmp_path, str(model), REPO)
