"""Have readers read files that were changed or made to do harm, and judge what they do.

A process for each reader: with no more memory than a machine may spare, with a limit of time for each file,
and with an ear at what it opens, removes and starts.
"""

import gzip
import io
import json
import os
import pickle
import random
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import traceback
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from mutants import mutate

MEMORY = 2 << 30
"""Bytes that a reader may take beyond what is loaded; the files have kilobytes."""
SECONDS = 30
"""That a reader may take for a file. Most take milliseconds; the machine may be busy."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
STARTED = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket.connect")
CHANGED = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
)


class TooLongError(BaseException):
    """A reader did not come back; none may take it for a fault of the file."""


class Harm:
    """What is pickled as an order to make a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch escaped",)


@cache
def made_to_do_harm() -> dict[str, bytes]:
    """Whole files in the place of the real one, by what they are."""
    order = pickle.dumps({"state_dict": Harm()})
    zeros = bytes(64 << 20)
    packed, bomb, tar = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", order)
        archive.writestr("archive/version", b"3\n")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.npy", zeros)
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in ("../escaped", "/tmp/escaped", "a/../../escaped"):
            archive.addfile(tarfile.TarInfo(name))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo("link")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 20))
    return {
        "a pickle with an order": order,
        "a pickle with an order, packed": packed.getvalue(),
        "a zip of zeros": bomb.getvalue(),
        "a gzip of gigabytes": gzip.compress(zeros, 9) * 40,
        "an archive that leaves its folder": tar.getvalue(),
        "XML without end": f'<!DOCTYPE a [<!ENTITY a0 "aa">{entities}]><a>&a19;</a>'.encode(),
        "XML with the files of others": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "YAML with an order": b"name: !!python/object/apply:os.system [touch escaped]",
        "YAML without end": b"a: &a [x,x]\n" + b"".join(b"b%d: &a [*a,*a]\n" % n for n in range(60)),
        "nested without end": b"[" * 20_000,
        "nothing": b"",
        "zeros": bytes(100_000),
        "one line": b"a" * 300_000,
    }


def judge(reader: str, count: int, seed: int) -> list[str]:
    """What a reader does that it may not: of so many changed files, and all that are made to do harm."""
    from hostile_readers import READERS, TRUSTING

    one = READERS.get(reader, TRUSTING)
    with TemporaryDirectory() as place:
        folder = Path(place).resolve() / "files"
        folder.mkdir()
        os.environ["BENCH_WORK"] = str(folder / "work")
        os.chdir(folder)
        files = list(one.make(folder))
        one.read(folder)  # a real one is read
        whole = {path: path.read_bytes() for path in files}
        kept, found = Path(place) / "kept", []
        shutil.copytree(folder, kept, symlinks=True)
        heard = listen(folder)
        for what, path, content in _bad(whole, random.Random(f"{seed}/{reader}"), count):
            path.write_bytes(content)
            heard.clear()
            fault = _fault(lambda: one.read(folder), one.refused)
            fault = fault or (f"did {heard[0]}" if heard else "")
            if (folder / "escaped").exists():
                fault = "ran an order"
            if fault:
                found.append(f"{path.relative_to(folder)}, {what}: {fault}")
            if not path.is_file() or fault:
                shutil.rmtree(folder)
                shutil.copytree(kept, folder, symlinks=True)
                os.chdir(folder)
            else:
                path.write_bytes(whole[path])
        os.chdir("/")
    return found


def _bad(whole: dict[Path, bytes], rng: random.Random, count: int) -> Iterator[tuple[str, Path, bytes]]:
    paths = sorted(whole)
    for what, content in made_to_do_harm().items():
        yield what, rng.choice(paths), content
    for number in range(count):
        path = rng.choice(paths)
        yield f"change {number}", path, mutate(whole[path], rng)


def _fault(read: Any, refused: tuple[type[Exception], ...]) -> str:
    """What is wrong with what a reader did, or nothing."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        read()
    except refused:
        return ""
    except TooLongError:
        return f"took more than {SECONDS} s"
    except MemoryError:
        return f"took more than {MEMORY >> 20} MB"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)
        places = [f"{Path(one.filename).name}:{one.lineno}" for one in last]
        return f"raised {type(error).__name__}: {str(error)[:200]} ({' '.join(places[-6:])})"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def listen(folder: Path) -> list[str]:
    """What from now on is started, or changed outside of a folder."""
    heard: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTED:
            heard.append(f"{event} {arguments[:1]}")
        elif event in CHANGED or (event == "open" and (arguments[2] or 0) & WRITES):
            path = arguments[0]
            # What is relative to a folder that is open is relative to one that was opened here.
            if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith("/"):
                place = os.path.realpath(os.fsdecode(path))
                if not place.startswith((f"{folder}", "/dev/", "/proc/")):
                    heard.append(f"{event} {place}")

    sys.addaudithook(hook)
    return heard


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TooLongError


def _serve() -> None:
    """Judge what is asked for, line by line, each in a fork that is limited."""
    import hostile_readers  # noqa: F401 - loaded once

    made_to_do_harm()  # likewise
    for line in sys.stdin:
        order = json.loads(line)
        readable, writable = os.pipe()
        process = os.fork()
        if not process:
            os.close(readable)
            _limited(order, writable)
        os.close(writable)
        with os.fdopen(readable) as said:
            answer = said.read()
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(answer if status == 0 else json.dumps([f"its process ended with {status}"]), flush=True)


def _limited(order: dict[str, Any], writable: int) -> None:
    try:
        loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (loaded + MEMORY, loaded + MEMORY))
        signal.signal(signal.SIGALRM, _alarm)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.dup2(devnull, 2)
        answer = json.dumps(judge(order["reader"], order["count"], order["seed"]))
    except BaseException:
        answer = json.dumps([traceback.format_exc()])
    with os.fdopen(writable, "w") as said:
        said.write(answer)
    os._exit(0)


class Judge:
    """A process that judges readers, one after the other."""

    def __enter__(self) -> "Judge":
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def faults(self, reader: str, count: int, seed: int) -> list[str]:
        """As `judge`."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps({"reader": reader, "count": count, "seed": seed}) + "\n")
        self._server.stdin.flush()
        answer: list[str] = json.loads(self._server.stdout.readline())
        return answer


if __name__ == "__main__":
    _serve()
