"""Train every small head in float64, alone and as one of two processes, and keep what came out.

Run as a script: `python ranks_trained.py DATA OUT RANK`, once for each process.
"""

import os
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.engine.building import build as build_module
from bench.engine.building.build import build
from bench.engine.parallel.join import RENDEZVOUS, joined
from bench.engine.parallel.ranks import ALONE, Ranks, Unlike
from bench.engine.planning.events import Events, Silent
from bench.engine.planning.machine import Machine
from bench.engine.planning.plan import Cell, plan
from bench.engine.scoring.predict import predict
from bench.engine.training.fit import train_epoch
from bench.engine.training.set_up import set_up
from bench.engine.training.watch import Watch
from bench.experiment.matrix import MatrixSpec
from bench.experiment.methods import MethodChoice
from bench.methods.backbones.backbone import Backbone
from bench.methods.small import CHANNELS, EARLIER
from small_heads import SMALL

# Batches of 5, 5 and 3 images: a step of two and one of one, each of which is not evenly cut.
COUNT = 2
SIDE, IMAGES, BATCH = 32, 13, 5
FIELDS: dict[str, Any] = {
    "drop_last": False,
    "accumulate": 2,
    "clip_norm": 0.5,
    "ema_decay": 0.9,
    "ema_beside": None,
    "optimizer": "sgd",
    "momentum": 0.9,
    "warmup": 0.0,
    "lr": 0.1,
}
# A head and fields of the schedule by the name of a variant.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "difficult labels ignored": ("resnet", {"difficult": "ignored"}),
    "difficult labels ignored, some known": ("c-tran", {"difficult": "ignored"}),
    "a sum over the classes": ("salgl", {"reduction": "sum-of-classes"}),
    "a sum": ("resnet", {"reduction": "sum", "lr": 1e-3}),
    "asymmetric": ("tdrg", {"loss": "asl"}),
    "the last stage": ("add-gcn", {"trained_backbone": "last-stage", "frozen_statistics": True}),
    "stored features": ("add-gcn", {"trained_backbone": "none", "crop": "none"}),
}


def cells(data: Path, folder: Path) -> Iterator[tuple[str, Cell]]:
    """Each variant by name."""
    variants = {name: (name, dict[str, Any]()) for name in SMALL} | OTHERS
    planned: dict[str, Cell] = {}
    for variant, (name, fields) in variants.items():
        if str(fields) not in planned:
            planned[str(fields)] = _cell(data, folder, fields)
        cell = planned[str(fields)]
        method, options = SMALL[name]
        choice = MethodChoice(name=method.name, options=method.options(**options).model_dump())
        yield variant, replace(cell, spec=cell.spec.model_copy(update={"method": choice}))


def _cell(data: Path, folder: Path, fields: dict[str, Any]) -> Cell:
    matrix = MatrixSpec(
        methods=("resnet",),
        data=("voc2007",),
        backbone=("timm/test_byobnet",),
        weights="none",
        image_size=SIDE,
        batch_size=BATCH,
        epochs=2,
        data_root=data,
        results=folder / "results",
        set=FIELDS | fields,
        device="cpu",
    )
    return next(cell for cell in plan(matrix) if cell.spec.method.name == "resnet")


def trained(cell: Cell, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """What an epoch makes of a cell."""
    machine = Machine(torch.device("cpu"), 0, False, ranks)
    built = build(cell, machine.device, 0, ranks)
    events: Events = Silent()
    run = set_up(cell.spec, machine, built, folder, events, Watch((), cell.spec, (), print), 0.0)
    start = deepcopy(built.model.state_dict())
    loss, _, feed = train_epoch(run, 0, [])
    ranks.check_alike(built.model)
    scored = predict(run.fabric, run.evaluated, built.eval, lambda done, total: None, ranks=ranks)
    assert run.average is not None
    return {
        "start": start,
        "loss": loss,
        "feed": feed,
        "eval_feed": scored.feed,
        "logits": torch.from_numpy(scored.logits),
        "model": built.model.state_dict(),
        "average": run.average.state_dict(),
    }


def noticed(ranks: Ranks) -> str:
    """What is said of a model that one process counts on with its own images alone."""
    model = torch.nn.BatchNorm1d(3)
    model.running_mean += ranks.rank
    try:
        ranks.check_alike(model)
    except Unlike as error:
        return str(error)
    return ""


def backbone() -> Backbone:
    """Two stages with batch normalisation, as quick to build as to train."""
    torch.manual_seed(0)
    layers = [
        nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())
        for cin, cout, stride in ((3, EARLIER, 4), (EARLIER, CHANNELS, 2))
    ]
    return Backbone(nn.Sequential(*layers), "tiny", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), SIDE)


def main(data: Path, out: Path, rank: int) -> None:
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT}
    os.environ |= {name: str(number) for name, number in numbers.items()}
    os.environ |= {RENDEZVOUS: str(out / "rendezvous"), "GLOO_SOCKET_IFNAME": "lo"}
    os.environ["BENCH_WORK"] = str(out / f"work-{rank}")
    folder = out / f"work-{rank}"
    torch.set_default_dtype(torch.float64)
    build_module.seeded_backbone = lambda *what: backbone()
    planned = dict(cells(data, folder))
    # What one process makes of them; each of the two tries half of the variants.
    alone = {name: trained(planned[name], ALONE, folder) for name in list(planned)[rank::COUNT]}
    with joined(MatrixSpec(data=("voc2007",), devices=COUNT, device="cpu")) as ranks:
        together = {name: trained(cell, ranks, folder) for name, cell in planned.items()}
        said = noticed(ranks)
    torch.save({"alone": alone, "together": together, "noticed": said}, out / f"{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
