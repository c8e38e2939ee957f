"""Download one file: resumed where it broke off, from mirrors, checked by size and hash.

What has arrived lies in NAME.part. Beside it, NAME.part.json says which file these bytes belong to, so that a
file that has changed on its server meanwhile is fetched anew instead of being spliced.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bench.datasets.fetch.disk import FULL, readable, require_space
from bench.datasets.fetch.sources import Archive
from bench.errors import UserError, cut
from bench.files import read_json, write_text
from bench.progress import Transfer
from bench.version import __version__

"""Told the bytes that are there and the bytes of the whole, None where nobody knows."""

TRIES = 5
"""Connections in a row that may break without a new byte before an address is given up."""
FIRST_PAUSE = 1.0
"""Seconds before the second try; each further pause is twice as long."""
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
BLOCK = 1 << 18

_TRY_AGAIN = frozenset({408, 425, 429})
_RANGE_REFUSED = 416


class _BrokenError(Exception):
    """The connection failed; the same address is worth another try."""


class _UselessError(Exception):
    """The address cannot give the file; another may."""


@dataclass(frozen=True)
class _Origin:
    """Whose bytes are in the .part file: the address, what identifies the version there, its size."""

    url: str
    validator: str | None
    total: int | None


class _Part:
    """NAME.part and its note."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def origin(self) -> _Origin | None:
        try:
            return _Origin(**read_json(self._note))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: _Origin) -> None:
        """Drop what is there; what follows belongs to `origin`."""
        self.discard()
        write_text(self._note, json.dumps(asdict(origin)))
        self.path.touch()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(target)
        self._note.unlink(missing_ok=True)


def fault(archive: Archive, path: Path) -> str | None:
    """What is wrong with a downloaded file; None if its size and hash are the published ones."""
    size = path.stat().st_size
    if archive.size is not None and size != archive.size:
        return f"it has {size} bytes where {archive.size} are published"
    if archive.hash is None:
        return None
    algorithm, _, expected = archive.hash.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found == expected else f"its {algorithm} is {found} where {expected} is published"


def left_to_fetch(archive: Archive, target: Path) -> int:
    """The bytes that `download` will still have to fetch; 0 where nobody knows the size."""
    there = target.stat().st_size if target.is_file() else _Part(target).size()
    return max(0, (archive.size or 0) - there)


def download(
    archive: Archive, target: Path, mirrors: Sequence[str] = (), progress: Transfer = lambda done, total: None
) -> bool:
    """Fetch `archive` to `target`; whole and right, or not there.

    Args:
        archive: what to fetch.
        target: the file to write; one that is whole and right already is left alone, another is replaced once
            the right one has arrived.
        mirrors: addresses of folders that hold the file under its name; tried first, in turn.
        progress: told of the bytes as they arrive.

    Returns:
        Whether anything was fetched.

    Raises:
        UserError: no address gives the file, a wrong hash or size among the reasons; or the disk is full.
            What has arrived is kept for the next try unless it is wrong.
    """
    if target.is_file() and fault(archive, target) is None:
        return False
    part = _Part(target)
    reasons = []
    for url in [
        *(f"{_checked(mirror)}/{archive.name}" for mirror in mirrors),
        archive.url,
        *archive.elsewhere,
    ]:
        try:
            _fetch(archive, url, part, progress)
        except _UselessError as error:
            reasons.append(f"{url}: {error}")
        else:
            part.become(target)
            return True
    kept = f"; {readable(part.size())} of it are kept in {part.path} for the next try" if part.size() else ""
    raise UserError(
        f"{archive.name} could not be downloaded ({'; '.join(reasons)}){kept}. Try again later, or name "
        "another place that has it with --mirror URL."
    )


def _checked(mirror: str) -> str:
    if not mirror.startswith(("http://", "https://")):
        raise UserError(
            f"The mirror {mirror} is not the address of a folder: it begins with http:// or https://."
        )
    return mirror.rstrip("/")


def _fetch(archive: Archive, url: str, part: _Part, progress: Transfer) -> None:
    """Complete the .part file from one address; once more from the start where resuming gave a wrong file."""
    resumed = True
    while resumed:
        resumed = part.size() > 0
        _receive_all(archive, url, part, progress)
        wrong = fault(archive, part.path)
        if wrong is None:
            return
        part.discard()
    raise _UselessError(f"{wrong}, so it was removed")


def _receive_all(archive: Archive, url: str, part: _Part, progress: Transfer) -> None:
    """Connect until the file is whole, with growing pauses while no new byte arrives."""
    failures, furthest = 0, part.size()
    while True:
        try:
            return _receive(archive, url, part, progress)
        except _BrokenError as error:
            if part.size() > furthest:
                failures, furthest = 0, part.size()
            failures += 1
            if failures == TRIES:
                raise _UselessError(f"{error}, {TRIES} times") from error
            time.sleep(FIRST_PAUSE * 2 ** (failures - 1))


def _receive(archive: Archive, url: str, part: _Part, progress: Transfer) -> None:
    """One connection: go on from the end of what is there."""
    headers = _continuation(archive, url, part)
    there, origin = part.size(), part.origin()
    if origin is not None and there == (archive.size or origin.total):
        return
    with _open(url, headers, part) as response:
        found = _identify(url, response, part)
        if None not in (found.total, archive.size) and found.total != archive.size:
            raise _UselessError(f"the server states {found.total} bytes where {archive.size} are published")
        total = found.total or archive.size
        if response.status != 206:
            there = 0
        require_space(part.path.parent, (total or 0) - there, archive.name)
        try:
            if there == 0:
                part.begin(found)
            there = _copy(response, part, there, total, progress)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise UserError(
                f"The disk is full: {readable(part.size())} of {archive.name} are kept in {part.path}; make "
                "room and run the command again, which goes on from there."
            ) from error
    if total is not None and there < total:
        raise _BrokenError(f"the connection broke after {there} of {total} bytes")


def _continuation(archive: Archive, url: str, part: _Part) -> dict[str, str]:
    """The headers that ask for the rest of the file; none where it must be fetched from the start."""
    origin = part.origin()
    if origin is None or not part.size():
        return {}
    rest = {"Range": f"bytes={part.size()}-"}
    if origin.url == url and origin.validator is not None:
        return {**rest, "If-Range": origin.validator}
    # Only the hash would tell that the two pieces belong to different files.
    return rest if archive.hash is not None else {}


class _WithinTheWeb(HTTPRedirectHandler):
    """Follows a redirection to http and https alone; Python would follow one to ftp too."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise InvalidURL(f"the server redirects to {cut(newurl)}, which is not http or https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, headers: dict[str, str], part: _Part) -> HTTPResponse:
    try:
        response: HTTPResponse = build_opener(_WithinTheWeb).open(
            Request(url, headers={"User-Agent": f"mlr-bench/{__version__}", **headers}), timeout=TIMEOUT
        )
    except HTTPError as error:
        error.close()
        said = f"the server answers {error.code} {error.reason}"
        if error.code == _RANGE_REFUSED:
            part.discard()
            raise _BrokenError(said) from error
        again = error.code >= 500 or error.code in _TRY_AGAIN
        raise (_BrokenError if again else _UselessError)(said) from error
    except (InvalidURL, ValueError) as error:
        raise _UselessError(str(error)) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        raise _BrokenError(f"no answer ({reason})") from error
    return response


def _identify(url: str, response: HTTPResponse, part: _Part) -> _Origin:
    """Whose bytes an answer brings; drops the .part when they do not continue it."""
    etag = response.headers.get("ETag")
    # A weak tag does not promise equal bytes.
    strong = etag if etag and not etag.startswith("W/") else None
    validator = strong or response.headers.get("Last-Modified")
    if response.status != 206:
        stated = response.headers.get("Content-Length", "")
        return _Origin(url, validator, int(stated) if stated.isdigit() else None)
    origin = part.origin()
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    found = _Origin(url, validator, int(span[2]) if span else None)
    same = (
        span is not None
        and origin is not None
        and int(span[1]) == part.size()
        and origin.total in (None, found.total)
        # An answer to If-Range may leave out Last-Modified.
        and (origin.url != url or validator in (None, origin.validator))
    )
    if not same:
        part.discard()
        raise _BrokenError("the server has another file than before")
    return found


def _copy(response: HTTPResponse, part: _Part, there: int, total: int | None, progress: Transfer) -> int:
    """Append what the server sends until it ends or breaks; the bytes that are then there."""
    # Unbuffered, so that what was received is on the disk however this ends.
    with part.path.open("ab", buffering=0) as file:
        progress(there, total)
        while block := _read(response):
            if total is not None and there + len(block) > total:
                part.discard()
                raise _UselessError(f"the server sends more than the {total} bytes of the file")
            rest = memoryview(block)
            while rest:
                written = file.write(rest)
                rest = rest[written:]
                there += written
            progress(there, total)
    return there


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(BLOCK)
    except (OSError, HTTPException) as error:
        raise _BrokenError(f"the connection broke ({error or type(error).__name__})") from error
