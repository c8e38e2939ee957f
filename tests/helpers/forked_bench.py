"""Run `bench` in forks of a process that has loaded PyTorch: they start at once, and can be killed."""

import json
import os
import signal
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

LOADED = (
    "bench.cli.run",
    "bench.engine.running.run",
    "bench.loggers.tensorboard",
    "gensim.models",
    "scipy.stats",
    "timm",
)


class ForkServer:
    """Starts processes of `bench`, each in a session of its own."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def start(self, arguments: list[str], folder: Path, environment: dict[str, str], out: Path) -> int:
        """Start `bench ARGUMENTS` in a folder, what it prints going to a file; returns its process."""
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "out": str(out),
        }
        return int(self._ask({"start": order}))

    def wait(self, process: int) -> int:
        """The exit status of a process; that of a signal is negative."""
        return int(self._ask({"wait": process}))

    def run(self, arguments: list[str], folder: Path, environment: dict[str, str], out: Path) -> int:
        """Start and wait."""
        return self.wait(self.start(arguments, folder, environment, out))

    def _ask(self, what: dict[str, Any]) -> str:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()


def kill_all(process: int) -> None:
    """Kill a process and all that it started, as the machine does that loses power."""
    os.killpg(process, signal.SIGKILL)


def _serve() -> None:
    # What a run imports; no thread is started by it, so that a fork is whole.
    for module in LOADED:
        import_module(module)

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            status = os.waitpid(order["wait"], 0)[1]
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        process = os.fork()
        if not process:
            _become(**order["start"])
        # Only a leader of its session can be killed with all that it started.
        while os.getpgid(process) != process:
            pass
        print(process, flush=True)


def _become(arguments: list[str], folder: str, environment: dict[str, str], out: str) -> None:
    status = 1
    try:
        os.setsid()
        file = os.open(out, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        from bench.cli import main

        main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
