"""Downloading over a real connection that breaks, lies and changes."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.datasets.fetch import download as module
from bench.datasets.fetch.download import TRIES, download
from bench.datasets.fetch.sources import Archive
from bench.errors import UserError
from file_server import CONTENT, NAME, FileServer, Served, archive_of, file_server, sha256

OTHER = CONTENT[::-1]
# An answer that brings some bytes, then as many that bring none as it takes to be given up.
GIVEN_UP = [400_000, *[0] * (TRIES - 1)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server, no pauses between tries, and no proxy in between."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with file_server() as running:
        yield running


def unverified(server: FileServer) -> Archive:
    return archive_of(server, size=None, hash=None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_its_progress_is_told(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT)
    told: list[tuple[int, int | None]] = []
    assert download(archive_of(server), tmp_path / NAME, progress=lambda *state: told.append(state))
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert names(tmp_path) == [NAME], "nothing is left beside it"
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)

    assert not download(archive_of(server), tmp_path / NAME)
    assert len(served.headers) == 1, "what is whole and right is not fetched again"


@pytest.mark.parametrize("name, value", [("etag", '"v1"'), ("modified", "Mon, 01 Jan 2024 00:00:00 GMT")])
def test_a_dropped_connection_goes_on_where_it_broke(
    name: str, value: str, server: FileServer, tmp_path: Path
) -> None:
    served = Served(CONTENT, cuts=[300_000, 1, 200_000], **{"etag": None, name: value})  # type: ignore[arg-type]
    server.files[NAME] = served
    download(unverified(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert served.asked == [None, "bytes=300000-", "bytes=300001-", "bytes=500001-"]
    assert {headers.get("If-Range") for headers in served.headers[1:]} == {value}


def test_a_later_command_goes_on_from_what_an_earlier_one_kept(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT, cuts=GIVEN_UP.copy())
    with pytest.raises(
        UserError, match=r"broke after 400000 of .*400\.0 kB of it are kept in .*data\.tar\.part"
    ):
        download(archive_of(server), tmp_path / NAME)
    assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[:400_000]
    assert not (tmp_path / NAME).exists()
    download(archive_of(server), tmp_path / NAME)
    assert served.asked[TRIES:] == ["bytes=400000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("heeds_condition", [True, False])
def test_a_file_that_changed_meanwhile_is_not_spliced(
    heeds_condition: bool, server: FileServer, tmp_path: Path
) -> None:
    server.files[NAME] = Served(CONTENT, cuts=GIVEN_UP.copy())
    with pytest.raises(UserError):
        download(unverified(server), tmp_path / NAME)
    changed = server.files[NAME] = Served(OTHER, etag='"second"', heeds_condition=heeds_condition)
    download(unverified(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == OTHER
    assert changed.headers[0]["If-Range"] == '"first"'


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_what_nothing_identifies_is_fetched_from_the_start(
    etag: str | None, server: FileServer, tmp_path: Path
) -> None:
    served = server.files[NAME] = Served(CONTENT, etag=etag, cuts=[400_000])
    download(unverified(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert served.asked == [None, None]


def test_another_part_than_was_asked_for_is_not_spliced(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT, rounding=65_536, cuts=[400_000])
    download(unverified(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert served.asked == [None, "bytes=400000-", None]


def test_pieces_of_different_files_are_found_out_by_the_hash(server: FileServer, tmp_path: Path) -> None:
    server.files[NAME] = Served(OTHER, etag=None, cuts=GIVEN_UP.copy())
    with pytest.raises(UserError):
        download(archive_of(server), tmp_path / NAME)
    good = server.files[NAME] = Served(CONTENT, etag=None)
    download(archive_of(server), tmp_path / NAME)
    assert good.asked == ["bytes=400000-", None], "resumed, found wrong, then fetched whole"
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_server_without_ranges(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT, ranges=False, cuts=[400_000])
    download(archive_of(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert served.asked == [None, "bytes=400000-"]

    served.cuts = [400_000] * 100
    (tmp_path / NAME).unlink()
    served.headers.clear()
    with pytest.raises(UserError, match=f"broke after 400000 of 1048576 bytes, {TRIES} times"):
        download(archive_of(server), tmp_path / NAME)
    assert len(served.headers) == TRIES, "it does not go on for ever"


def test_a_server_that_falls_silent(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    hold = threading.Event()
    served = server.files[NAME] = Served(CONTENT, cuts=[400_000], hold=hold)
    download(archive_of(server), tmp_path / NAME)
    hold.set()
    assert served.asked == [None, "bytes=400000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("stated", [len(CONTENT) + 1000, 1000])
def test_a_size_that_is_not_the_published_one_is_refused_at_once(
    stated: int, server: FileServer, tmp_path: Path
) -> None:
    served = server.files[NAME] = Served(CONTENT, stated=stated)
    with pytest.raises(UserError, match=rf"states {stated} bytes where 1048576 are published"):
        download(archive_of(server), tmp_path / NAME)
    assert len(served.headers) == 1
    assert not names(tmp_path)


def test_a_stated_size_that_is_a_lie_never_passes(server: FileServer, tmp_path: Path) -> None:
    server.files[NAME] = Served(CONTENT, stated=len(CONTENT) + 1000, ranges=False)
    with pytest.raises(UserError, match="broke after 1048576 of 1049576 bytes"):
        download(unverified(server), tmp_path / NAME)
    server.files[NAME] = Served(CONTENT, stated=1000)
    with pytest.raises(UserError, match=rf"its sha256 is {sha256(CONTENT[:1000])[7:]} where"):
        download(archive_of(server, size=None), tmp_path / "second.tar")
    assert NAME not in names(tmp_path)
    assert "second.tar" not in names(tmp_path)


def test_an_answer_without_a_size(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT, stated=-1, cuts=[400_000])
    download(archive_of(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert served.asked == [None, "bytes=400000-"], "the published size tells that it was cut"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_wrong_hash_is_named_and_the_file_removed(
    algorithm: str, server: FileServer, tmp_path: Path
) -> None:
    expected, found = (hashlib.new(algorithm, content).hexdigest() for content in (CONTENT, OTHER))
    served = server.files[NAME] = Served(OTHER)
    archive = archive_of(server, hash=f"{algorithm}:{expected}")
    (tmp_path / NAME).write_bytes(b"from an earlier day")
    with pytest.raises(UserError, match=f"{NAME} could not .*{algorithm} is {found} where {expected}"):
        download(archive, tmp_path / NAME)
    assert names(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"from an earlier day", (
        "what is there stays until there is a better"
    )
    server.files[NAME] = Served(CONTENT)
    download(archive, tmp_path / NAME)
    assert served.asked == [None]
    assert server.files[NAME].asked == [None], "afresh"
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_refusals(server: FileServer, tmp_path: Path) -> None:
    served = server.files[NAME] = Served(CONTENT, statuses=[500, 503, 429])
    download(archive_of(server), tmp_path / NAME)
    assert len(served.headers) == 4
    (tmp_path / NAME).unlink()
    served.statuses = [403]
    with pytest.raises(UserError, match=r"127\.0\.0\.1.*answers 403 Forbidden.*--mirror URL"):
        download(archive_of(server), tmp_path / NAME)
    served.statuses = [500] * 100
    with pytest.raises(UserError, match=f"answers 500 Internal Server Error, {TRIES} times"):
        download(archive_of(server), tmp_path / NAME)
    server.files.clear()
    with pytest.raises(UserError, match="answers 404 Not Found"):
        download(archive_of(server), tmp_path / NAME)


def test_mirrors_are_tried_in_turn(server: FileServer, tmp_path: Path) -> None:
    published = server.files[NAME] = Served(CONTENT)
    broken = server.files[f"broken/{NAME}"] = Served(CONTENT, cuts=GIVEN_UP.copy())
    wrong = server.files[f"wrong/{NAME}"] = Served(OTHER, etag='"of the mirror"')
    good = server.files[f"good/{NAME}"] = Served(CONTENT, etag='"of the other"')
    mirrors = [server.url(name) for name in ("absent", "broken", "wrong/", "good")]
    download(archive_of(server), tmp_path / NAME, mirrors)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert len(broken.headers) == TRIES
    assert wrong.asked == ["bytes=400000-", None], "what the broken mirror gave is gone on from"
    assert good.asked == [None]
    assert not published.headers

    good.statuses = [404]
    (tmp_path / NAME).unlink()
    download(archive_of(server), tmp_path / NAME, mirrors[3:])
    assert len(published.headers) == 1, "the published address comes last"
    with pytest.raises(UserError, match=r"The mirror ftp://x is not"):
        download(archive_of(server), tmp_path / "other.tar", ["ftp://x"])


def test_other_addresses_of_the_same_bytes(server: FileServer, tmp_path: Path) -> None:
    server.files[f"copy/{NAME}"] = Served(CONTENT)
    download(archive_of(server, elsewhere=(server.url(f"copy/{NAME}"),)), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_server_that_is_not_there(server: FileServer, tmp_path: Path) -> None:
    archive = archive_of(server)
    server.server_close()
    with pytest.raises(UserError, match=f"no answer .*refused.*, {TRIES} times"):
        download(archive, tmp_path / NAME)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/archive.tar", "file:///etc/hostname", "data:,x"])
def test_a_redirection_away_from_the_web_is_not_followed(
    target: str, server: FileServer, tmp_path: Path
) -> None:
    server.files[NAME] = Served(b"", redirect=target)
    with pytest.raises(UserError, match=r"redirects to .* which is not http or https|not allowed"):
        download(unverified(server), tmp_path / NAME)
    assert names(tmp_path) == []
    server.files["other"] = Served(CONTENT)
    server.files[NAME] = Served(b"", redirect=server.url("other"))
    download(archive_of(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_transfer_ends_where_it_exceeds_the_size_that_is_known(server: FileServer, tmp_path: Path) -> None:
    told: list[int] = []
    server.files[NAME] = Served(CONTENT * 20, stated=-1)
    with pytest.raises(UserError, match=f"the server sends more than the {len(CONTENT)} bytes of the file"):
        download(
            archive_of(server, hash=None), tmp_path / NAME, progress=lambda done, total: told.append(done)
        )
    assert max(told) <= len(CONTENT)
    assert names(tmp_path) == []
