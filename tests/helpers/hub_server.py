"""A hub on loopback that speaks what huggingface_hub speaks to upload: it keeps the bytes that arrive."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_aSecretThatNobodyMaySee"
LARGE = 4096
"""Bytes from which a file goes by LFS, as weights do on the real one."""


@dataclass
class Repository:
    """What was uploaded: the files by name, and the messages of the commits."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


class HubServer(ThreadingHTTPServer):
    """Holds repositories by name.

    Attributes:
        refuses: the status and message that every request is answered with, if any.
        paths: of the requests so far.
        tokens: the Authorization headers so far.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.refuses: tuple[int, str] | None = None
        self.paths: list[str] = []
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._note()
        name = self.path.removeprefix("/api/models/").partition("/revision/")[0]
        repository = self.server.repositories.get(name)
        if self.server.refuses or repository is None:
            self._refuse()
            return
        known = {"_id": "1", "id": name, "private": repository.private, "tags": [], "siblings": []}
        self._answer({**known, "xetEnabled": False})

    def do_POST(self) -> None:
        self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/agent-harnesses" or self.path.startswith("/api/telemetry"):
            self._answer({})
        elif self.server.refuses:
            self._refuse()
        elif self.path == "/api/validate-yaml":
            known = json.loads(body)["content"].startswith("---\n")
            self._answer({"errors": [] if known else [{"message": "no metadata"}], "warnings": []})
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["size"] >= LARGE else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for one in files
            ]
            self._answer({"files": modes})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.server.url}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            self._answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in self.path:
            self._commit(body)
        else:
            self._refuse()

    def do_PUT(self) -> None:
        self._note()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.removeprefix("/lfs/")
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.stored[oid] = content
        self._answer({})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
        there = name in self.server.repositories
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.server.repositories.setdefault(name, Repository(private))
        self._answer({"url": f"{self.server.url}/{name}"}, 409 if there else 200)

    def _commit(self, body: bytes) -> None:
        name = self.path.removeprefix("/api/models/").partition("/commit/")[0]
        repository = self.server.repositories[name]
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                repository.commits.append(value["summary"])
            elif entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                repository.files[value["path"]] = self.server.stored[value["oid"]]
        oid = hashlib.sha1(body).hexdigest()
        self._answer({"commitUrl": f"{self.server.url}/{name}/commit/{oid}", "commitOid": oid})

    def _note(self) -> None:
        self.server.paths.append(self.path)
        self.server.tokens.add(self.headers.get("Authorization"))

    def _refuse(self) -> None:
        status, message = self.server.refuses or (404, "Repository not found")
        self._answer({"error": message}, status)

    def _answer(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status >= 400:
            self.send_header("X-Error-Message", value.get("error", "it is there already"))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def hub_server() -> Iterator[HubServer]:
    """A hub that runs until the block ends."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
