"""What is said of a run that failed in a loading process: real ones, which raise, die or lack memory."""

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench.datasets.feed import naming
from bench.datasets.loading import Loading, LoadingLostError
from bench.engine.running.failure import reason


class Faulty(Dataset[int]):
    """Its third item does not come."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def __len__(self) -> int:
        return 8

    def __getitem__(self, position: int) -> int:
        if position == 3:
            if self._fault == "photograph":
                with naming(Path("photos/3.jpg")):
                    raise OSError("image file is truncated\n(9 bytes)")
            if self._fault == "room":
                raise RuntimeError("unable to write to file </torch_9_1_2>: No space left on device (28)")
            os.kill(os.getpid(), signal.SIGKILL if self._fault == "killed" else signal.SIGBUS)
        return position


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("photograph", "photos/3.jpg: image file is truncated (9 bytes); it was changed since"),
        ("killed", "a loading process was killed (SIGKILL), as the system does where memory is short"),
        ("bus", "a loading process found no room in shared memory (/dev/shm): make room"),
        ("room", "a loading process found no room in shared memory (/dev/shm): make room"),
    ],
)
def test_a_loading_process_is_told_of_in_a_line(fault: str, said: str) -> None:
    with pytest.raises((LoadingLostError, OSError)) as failed:
        list(Loading[Tensor](DataLoader(Faulty(fault), batch_size=2, num_workers=2)))
    assert reason(failed.value).startswith(said), reason(failed.value)
    assert "Traceback" not in reason(failed.value) and "\n" not in reason(failed.value)


def test_other_errors_are_said_as_they_are() -> None:
    assert reason(RuntimeError("a\n  b")) == "a b"
    assert reason(RuntimeError("")) == "RuntimeError"
    with pytest.raises(RuntimeError) as wrong:
        torch.ones(2) @ torch.ones(3)
    assert reason(wrong.value).startswith("inconsistent tensor size")
