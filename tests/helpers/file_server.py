"""A real web server on loopback that serves files, and misbehaves as it is told."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.datasets.fetch.sources import Archive

CONTENT = bytes(range(256)) * 4096
NAME = "data.tar"


@dataclass
class Served:
    """A file on the server, and how it is served.

    Attributes:
        content: its bytes.
        etag: its ETag; None for none.
        modified: its Last-Modified; None for none.
        ranges: whether a part of it can be asked for.
        rounding: a part begins at the multiple of this before the byte that is asked for.
        heeds_condition: whether a part is refused when If-Range does not hold, as it should be.
        stated: the Content-Length when the whole is sent, if not the true one; -1 for none at all.
        cuts: the bytes after which each answer in turn drops the connection; later ones are whole.
        statuses: what each request in turn is refused with; later ones are answered.
        redirect: where each request is sent instead; None for nowhere.
        hold: after the bytes of a cut, wait for this event instead of dropping the connection.
        headers: the headers of each request so far.
    """

    content: bytes
    etag: str | None = '"first"'
    modified: str | None = None
    ranges: bool = True
    rounding: int = 1
    heeds_condition: bool = True
    stated: int | None = None
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    redirect: str | None = None
    hold: threading.Event | None = None
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def asked(self) -> list[str | None]:
        """The Range header of each request so far."""
        return [headers.get("Range") for headers in self.headers]


class FileServer(ThreadingHTTPServer):
    """Serves `files` by their names."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, Served] = {}

    def url(self, name: str = "") -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        served = self.server.files.get(self.path.removeprefix("/"))
        if served is None:
            self.send_error(404)
            return
        served.headers.append(dict(self.headers))
        if served.statuses:
            self.send_error(served.statuses.pop(0))
            return
        if served.redirect is not None:
            self.send_response(302)
            self.send_header("Location", served.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._send(served, self._start(served))

    def _start(self, served: Served) -> int | None:
        """The first byte that is asked for, or None for the whole file."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        unchanged = condition in (None, served.etag, served.modified) or not served.heeds_condition
        if not (asked and served.ranges and unchanged):
            return None
        return int(asked[1]) // served.rounding * served.rounding

    def _send(self, served: Served, start: int | None) -> None:
        if start is not None and start >= len(served.content):
            self.send_error(416)
            return
        rest = served.content[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            size = len(served.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        stated = len(rest) if start is not None or served.stated is None else served.stated
        if stated >= 0:
            self.send_header("Content-Length", str(stated))
        for name, value in (("ETag", served.etag), ("Last-Modified", served.modified)):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        cut = served.cuts.pop(0) if served.cuts else len(rest)
        self.wfile.write(rest[:cut])
        self.wfile.flush()
        if cut < len(rest) and served.hold is not None:
            served.hold.wait(30)


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server that runs until the block ends."""
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sha256(content: bytes) -> str:
    """The hash of some bytes, as the sources state it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def archive_of(server: FileServer, content: bytes = CONTENT, name: str = NAME, **changes: Any) -> Archive:
    """A source on a server, with the size and hash of `content` where `changes` say nothing else."""
    fields = {"size": len(content), "hash": sha256(content), "folder": ".", **changes}
    return Archive(server.url(name), **fields)
