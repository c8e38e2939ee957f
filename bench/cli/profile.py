"""`bench profile`: how fast things are on this machine."""

import click

from bench.cli import (
    profile_commands,
    profile_data,
    profile_engine,
    profile_gpu,
    profile_growth,
    profile_input,
    profile_memory,
    profile_methods,
    profile_metrics,
    profile_precision,
    profile_ranks,
    profile_table,
)


@click.group("profile")
def command() -> None:
    """Measure speed on this machine, side by side with what the published codes do."""


command.add_command(profile_commands.command)
command.add_command(profile_data.command)
command.add_command(profile_engine.command)
command.add_command(profile_gpu.command)
command.add_command(profile_growth.command)
command.add_command(profile_input.command)
command.add_command(profile_memory.command)
command.add_command(profile_methods.command)
command.add_command(profile_metrics.command)
command.add_command(profile_precision.command)
command.add_command(profile_ranks.command)
command.add_command(profile_table.command)
