"""Batches are brought to the device one ahead, each once, in their order, and as they were fed."""

from collections.abc import Iterator

import pytest
import torch

from bench.datasets.feed import Batch
from bench.engine.device.ahead import bring


def feed(count: int, taken: list[int], pin: bool = False) -> Iterator[Batch]:
    for number in range(count):
        taken.append(number)
        images = torch.full((2, 8, 8, 3), number, dtype=torch.uint8).permute(0, 3, 1, 2)
        labels = torch.full((2, 4), -1, dtype=torch.int8)
        earlier = torch.full((2, 5, 3, 3), float(number), dtype=torch.float16) if number % 2 else None
        batch = Batch(images, labels, [f"{number}-0", f"{number}-1"], [number, number], earlier)
        yield batch._replace(images=images.pin_memory()) if pin else batch


def test_on_a_cpu_each_batch_is_read_when_it_is_asked_for() -> None:
    taken: list[int] = []
    for number, (batch, there) in enumerate(bring(feed(3, taken), torch.device("cpu"))):
        assert there is batch and taken == list(range(number + 1))
    assert taken == [0, 1, 2]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("pin", [True, False])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_on_a_gpu_they_are_one_ahead(count: int, pin: bool) -> None:
    taken: list[int] = []
    total = torch.zeros((), device="cuda")
    seen = 0
    for number, (batch, there) in enumerate(bring(feed(count, taken, pin), torch.device("cuda"))):
        assert len(taken) == min(count, number + 2)
        assert there.images.is_cuda and there.labels.is_cuda and not batch.labels.is_cuda
        assert there.images.is_contiguous(memory_format=torch.channels_last)
        assert there.ids == batch.ids and (there.earlier is None) == (batch.earlier is None)
        for _ in range(20):  # so long that memory that is taken back too early would be written over
            total = total + there.images.float().mean() / 20
        assert torch.equal(there.labels.cpu(), batch.labels)
        seen += 1
    assert seen == count and total.item() == pytest.approx(sum(range(count)))
