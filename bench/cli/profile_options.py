"""The options that the commands under `bench profile` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from bench.engine.device.environment import choose_device

Numbers = Callable[[click.Context, click.Parameter, str], tuple[int, ...]]
Command = TypeVar("Command", bound=Callable[..., Any])


def _device(_: click.Context, __: click.Parameter, text: str) -> torch.device:
    return choose_device(text, "fp32")


def numbers(least: int = 1, count: int = 1) -> Numbers:
    """A callback that takes at least so many different whole numbers, each at least so large, as in 20,80."""

    def read(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
        try:
            found = tuple(int(part) for part in text.split(","))
        except ValueError:
            found = ()
        if len(set(found)) < count or min(found) < least:
            wanted = "whole numbers" if count == 1 else f"at least {count} different whole numbers"
            raise click.BadParameter(f"'{text}' is no list of {wanted} from {least} on, such as 20,80.")
        return found

    return read


methods = click.option(
    "--methods", default="all", show_default=True, help="Names, with options as in salgl/soft=true."
)
repeats = click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was measured to this JSON file, with the machine.",
)
device = click.option(
    "--device", callback=_device, default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."
)


def photographs(command: Command) -> Command:
    """`--data`, as `name`, and `--data-root`."""
    data = click.option(
        "--data", "name", help="Measure with training images of this data set, not with made ones."
    )
    root = click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
    return data(root(command))


def features(batch: int, side: int, channels: int) -> Callable[[Command], Command]:
    """`--batch`, `--map` and `--channels` with these defaults."""
    size = click.IntRange(min=1)
    options = (
        click.option("--batch", type=click.IntRange(min=2), default=batch, show_default=True, help="Images."),
        click.option(
            "--map", "side", type=size, default=side, show_default=True, help="Side of the feature map."
        ),
        click.option(
            "--channels",
            type=click.IntRange(min=8),
            default=channels,
            show_default=True,
            help="Of the feature map.",
        ),
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
