"""Where a matrix runs."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.engine.device.environment import (
    check_graphs,
    choose_device,
    choose_workers,
    keep_to_share,
)
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.planning.plan import Cell
from bench.experiment.matrix import Compiled
from bench.methods.catalog import PRIOR
from bench.settings import work_folder


@dataclass(frozen=True)
class Machine:
    """Where a matrix runs.

    Attributes:
        device: that trains.
        workers: processes that load images.
        compiled: whether the model is.
        ranks: the processes that share each batch.
        computed: the folder of what is computed once for all runs: features, and vectors of label sets.
    """

    device: torch.device
    workers: int
    compiled: Compiled
    ranks: Ranks = ALONE
    computed: Path = field(default_factory=work_folder)

    @classmethod
    def choose(
        cls, device: str, workers: int | None, compiled: Compiled, cells: list[Cell], ranks: Ranks = ALONE
    ) -> "Machine":
        """Resolve `auto`, and refuse a device that is not there or lacks a precision that a cell asks for.

        Of several processes on a machine each has a GPU of its own. This one keeps to its share of the
        processors from then on.
        """
        keep_to_share()
        chosen = torch.device("cpu")
        for cell in cells:
            chosen = choose_device(device, cell.spec.schedule.precision)
            if compiled == "graphs" and cell.spec.method.name != PRIOR.name:
                check_graphs(cell.spec.schedule, chosen)
        if chosen.type == "cuda" and ranks.count > 1:
            chosen = torch.device("cuda", ranks.local_rank)
        # The quickest algorithm for each shape, by trying: which one is chance, and so are a GPU's last bits.
        torch.backends.cudnn.benchmark = True
        return cls(chosen, choose_workers(workers, chosen, ranks.local_count), compiled, ranks)
