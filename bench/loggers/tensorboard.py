"""A log that TensorBoard shows.

It is written with TensorBoard's own record writer, in the thread that trains: what fails on the way to the
disk is known at once, and no thread works beside the training.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from bench.loggers.logger import LoggedRun

SECONDS = 5.0
"""How old what is shown may be while an epoch lasts."""


class TensorBoard:
    """An event file for each process that trained the run, the first one with the settings as a text.

    A run that goes on says from which step: TensorBoard leaves out what an earlier file holds from there on.
    """

    def __init__(self, run: LoggedRun) -> None:
        run.folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a run in the order of their names.
        before = len(list(run.folder.glob("events.out.tfevents.*")))
        self._file = (run.folder / f"events.out.tfevents.{before:06d}").open("xb")
        self._records = RecordWriter(self._file)
        self._kept = time.monotonic()
        self._event(file_version="brain.Event:2")
        if before:
            self._event(step=run.steps + 1, session_log=SessionLog(status=SessionLog.START))
        else:
            settings = json.dumps(run.settings, indent=2, ensure_ascii=False)
            self._event(summary=text_pb("run", f"```\n{settings}\n```"))
        self.flush()

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Take down some numbers, those of one step together."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self._event(step=step, summary=Summary(value=values))
        if time.monotonic() - self._kept > SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system, which keeps it when this process is killed."""
        self._file.flush()
        self._kept = time.monotonic()

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _event(self, **fields: Any) -> None:
        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())
