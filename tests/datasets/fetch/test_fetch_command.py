"""`bench data download`: from a server to a tree that the readers find."""

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.cli.data_download import download
from bench.datasets.catalog import DATASETS
from bench.datasets.fetch import download as module
from bench.datasets.fetch.sources import SOURCES, Archive, ByRequest
from bench.errors import UserError
from file_server import FileServer, Served, archive_of, file_server
from trees import write_voc


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    """A server with VOC2007 in two tars and a file for word2vec; no settings of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_DATA_ROOT", "BENCH_WORK", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    with file_server() as running:
        voc = [serve(running, f"{split}.tar", pack_voc(tmp_path, split)) for split in ("trainval", "test")]
        monkeypatch.setitem(SOURCES, "voc2007", tuple(voc))
        vectors = serve(running, "news.bin.gz", b"never unpacked", folder="vectors", unpack=False)
        monkeypatch.setitem(SOURCES, "word2vec", (vectors,))
        yield running


def serve(server: FileServer, name: str, content: bytes, **changes: object) -> Archive:
    server.files[name] = Served(content)
    return archive_of(server, content, name, **changes)


def pack_voc(folder: Path, split: str) -> bytes:
    """A tar of one half of a VOC tree, as the official ones are: both have the same folders."""
    devkit = write_voc(folder / split)
    images = (devkit / "ImageSets" / "Main" / f"{split}.txt").read_text().split()
    wanted = [*devkit.glob(f"ImageSets/Main/*{split}.txt")]
    wanted += [path for image in images for path in devkit.glob(f"*/{image}.*")]
    with tarfile.open(folder / f"{split}.tar", "w") as tar:
        for path in wanted:
            tar.add(path, path.relative_to(folder / split))
    return (folder / f"{split}.tar").read_bytes()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(download, arguments, catch_exceptions=False)


def requests(server: FileServer) -> int:
    return sum(len(served.headers) for served in server.files.values())


def test_a_data_set_is_downloaded_and_found_by_its_reader(server: FileServer, tmp_path: Path) -> None:
    from bench.datasets.open import open_dataset

    lines = run("voc2007", "--data-root", "root").output.splitlines()
    assert re.fullmatch(r"trainval\.tar: \d+\.\d kB, \d+ files unpacked into root", lines[0])
    assert lines[1].startswith("test.tar: ")
    assert lines[2:] == ["voc2007: complete in root"]
    opened = open_dataset("voc2007")  # where it was put is remembered
    assert (len(opened.train), len(opened.eval)) == (8, 6)
    assert sorted(path.suffix for path in Path("root/downloads").iterdir()) == [".json", ".json"]


def test_what_is_there_is_not_fetched_again(server: FileServer) -> None:
    run("voc2007", "--data-root", "root")
    done = requests(server)
    assert done == 2
    again = run("voc2007", "--data-root", "root")
    assert again.output.splitlines()[:2] == ["trainval.tar: already unpacked", "test.tar: already unpacked"]
    assert requests(server) == done

    (image,) = Path("root/VOCdevkit/VOC2007/JPEGImages").glob("000009.jpg")
    content = image.read_bytes()
    image.unlink()
    third = run("voc2007", "--data-root", "root")
    assert "trainval.tar: already unpacked" in third.output
    assert re.search(r"test\.tar: .* files unpacked", third.output)
    assert image.read_bytes() == content


def test_archives_are_kept_on_request_and_used(server: FileServer, tmp_path: Path) -> None:
    run("voc2007", "--data-root", "root", "--keep")
    assert {"trainval.tar", "test.tar"} <= {path.name for path in Path("root/downloads").iterdir()}
    done = requests(server)
    # Archives that somebody had already, put where the command looks.
    Path("second").mkdir()
    Path("root/downloads").rename("second/downloads")
    for note in Path("second/downloads").glob("*.json"):
        note.unlink()
    assert "files unpacked into second" in run("voc2007", "--data-root", "second").output
    assert requests(server) == done
    assert {"trainval.tar", "test.tar"} <= {path.name for path in Path("second/downloads").iterdir()}


def test_bench_clean_removes_what_was_fetched_and_no_more(server: FileServer) -> None:
    for name in ("voc2007", "word2vec"):
        assert run(name, "--keep").exit_code == 0
    mine = Path(".bench/data/VOCdevkit/VOC2007/JPEGImages/mine.jpg")
    mine.write_bytes(b"put there by hand")
    done = requests(server)
    cleaned = CliRunner().invoke(main, ["clean", "downloads", "--yes"])
    assert cleaned.exit_code == 0, cleaned.output
    assert [path for path in Path(".bench").rglob("*") if path.is_file()] == [mine]
    assert " files unpacked into .bench/data" in run("voc2007").output
    assert requests(server) == done + 2


def test_a_file_that_is_used_packed(server: FileServer) -> None:
    assert "news.bin.gz: downloaded" in run("word2vec", "--data-root", "root").output
    assert Path("root/vectors/news.bin.gz").read_bytes() == b"never unpacked"
    assert "news.bin.gz: already there" in run("word2vec", "--data-root", "root").output
    assert requests(server) == 1


def test_it_goes_where_the_settings_say_else_into_the_work_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "word2vec: complete in .bench/data" in run("word2vec").output
    Path(".bench.yaml").write_text("data_root: {word2vec: mine}\n")
    assert "word2vec: complete in mine" in run("word2vec").output
    monkeypatch.setenv("BENCH_DATA_ROOT", "shared")
    assert "word2vec: complete in shared" in run("word2vec").output
    assert Path("shared/vectors/news.bin.gz").is_file()


def test_mirrors_come_first(server: FileServer) -> None:
    mirror = server.files["mirror/news.bin.gz"] = Served(b"never unpacked")
    run(
        "word2vec",
        "--data-root",
        "root",
        "--mirror",
        server.url("nothing"),
        "--mirror",
        server.url("mirror/"),
    )
    assert len(mirror.headers) == 1
    assert not server.files["news.bin.gz"].headers


def test_an_archive_that_cannot_be_unpacked_leaves_what_was_good(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("voc2007", "--data-root", "root")
    before = {path: path.read_bytes() for path in Path("root").rglob("*") if path.is_file()}
    with zipfile.ZipFile("evil.zip", "w") as packed:
        packed.writestr("../../evil", "evil")
    evil = serve(server, "evil.zip", Path("evil.zip").read_bytes())
    monkeypatch.setitem(SOURCES, "voc2007", (*SOURCES["voc2007"], evil))  # type: ignore[misc]
    with pytest.raises(UserError, match=r"'\.\./\.\./evil' in .* leads out of the folder"):
        run("voc2007", "--data-root", "root")
    after = {path: path.read_bytes() for path in Path("root").rglob("*") if path.is_file()}
    assert after == {**before, Path("root/downloads/evil.zip"): Path("evil.zip").read_bytes()}


def test_too_little_room_is_said_before_anything_is_fetched(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = serve(server, "huge.zip", b"", size=10**15, hash=None)
    monkeypatch.setitem(SOURCES, "voc2007", (huge,))
    with pytest.raises(UserError, match=r"huge\.zip with its files needs 2000\.0 TB in root, which has"):
        run("voc2007", "--data-root", "root")
    assert not requests(server)


def test_a_bar_is_drawn_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("voc2007", "--data-root", "first").output
    assert plain.count("\n") == 3
    monkeypatch.setenv("FORCE_COLOR", "1")
    drawn = run("voc2007", "--data-root", "second").output
    assert "unpacking trainval.tar" in drawn
    assert "━" in drawn
    assert "kB" in drawn


@pytest.mark.parametrize("name", ["nuswide", "nuswide-official"])
def test_what_is_given_by_request_only_says_whom_to_ask(name: str) -> None:
    with pytest.raises(UserError) as caught:
        run(name, "--data-root", "root")
    said = str(caught.value)
    for wanted in ("Agreement and Disclaimer Form", "Lab for Media Search", "root/nuswide", "Flickr"):
        assert wanted in said
    assert "bench data prepare nuswide --from DIR" in said


def test_names() -> None:
    with pytest.raises(UserError, match=r"'coco2041'\. Did you mean 'coco2014'"):
        run("coco2041")
    assert "nothing to download" in run("scenes").output


def test_every_data_set_has_a_source_and_every_hash_is_one() -> None:
    assert set(DATASETS) <= set(SOURCES)
    lengths = {"sha256": 64, "md5": 32}
    archives = [
        archive for source in SOURCES.values() if not isinstance(source, ByRequest) for archive in source
    ]
    for archive in archives:
        assert archive.size, archive.name
        for url in (archive.url, *archive.elsewhere):
            assert url.endswith(f"/{archive.name}")
        if archive.hash is not None:
            algorithm, _, digest = archive.hash.partition(":")
            assert re.fullmatch(f"[0-9a-f]{{{lengths[algorithm]}}}", digest), archive.name
        elif "127.0.0.1" not in archive.url:
            assert re.search(r"/[0-9a-f]{40}/", archive.url), "without a hash, an address that cannot change"
