"""The machine that a run is made on and the versions of what it is made with, chosen and recorded."""

import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch
from lightning_fabric import Fabric, plugins
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from bench.errors import UserError, cut
from bench.experiment.matrix import DEVICES, Compiled
from bench.experiment.schedule import Precision, Schedule
from bench.processors import processors
from bench.records.record import Environment
from bench.version import __version__

PROJECT = "mlr-bench"
# What Linux calls the instructions that multiply bfloat16, of x86 and of ARM.
_BF16_UNITS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
RECORDED = (
    "gensim",
    "lightning-fabric",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "simplejpeg",
    "timm",
    "torch",
    "torchvision",
)


def choose_device(name: str, precision: Precision) -> torch.device:
    """The device of that name; `auto` takes the GPU where there is one.

    Raises:
        UserError: no such device, or a precision that it does not have.
    """
    if not re.fullmatch(DEVICES, name):
        raise UserError(f"There is no device '{cut(name)}': give auto, cpu, cuda or cuda:N.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(
                f"Device '{name}' is not there: PyTorch {torch.__version__} sees no GPU; use --device cpu."
            )
        if (device.index or 0) >= torch.cuda.device_count():
            raise UserError(f"Device '{name}' is not there: PyTorch sees {torch.cuda.device_count()} GPU.")
    elif precision == "fp16":
        raise UserError("Precision 'fp16' needs a GPU; on a CPU use --precision bf16 or fp32.")
    return device


def scored_in(trained: Precision, device: torch.device) -> Precision:
    """What a model is scored in by itself: as it was trained, or in fp32 where only a GPU has that."""
    return "fp32" if trained == "fp16" and device.type != "cuda" else trained


def automatic_precision(name: str) -> Precision:
    """What `precision: auto` is on the device of that name: bf16 where it multiplies it, else fp32.

    Raises:
        UserError: no such device.
    """
    device = choose_device(name, "fp32")
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if _BF16_UNITS & _cpu_flags() else "fp32"


def choose_workers(workers: int | None, device: torch.device, sharing: int = 1) -> int:
    """Loading processes: as asked, else none on a CPU, which is busy, and up to 8 beside a GPU.

    Args:
        workers: what is asked for.
        device: that trains.
        sharing: processes that train on this machine, each of which has its own.
    """
    if workers is not None:
        return workers
    return min(8, max(1, processors() // sharing)) if device.type == "cuda" else 0


def keep_to_share() -> None:
    """Compute with no more threads than this process may use processors."""
    if processors() < torch.get_num_threads():
        torch.set_num_threads(processors())


def check_graphs(schedule: Schedule, device: torch.device) -> None:
    """Refuse CUDA graphs where they cannot be, or would go wrong.

    Raises:
        UserError: there is no GPU, or several batches share a step: PyTorch loses the gradients of all but
            one of them then (its issue 169545).
    """
    if device.type != "cuda":
        raise UserError("--compile graphs needs a GPU; --compile alone compiles for a CPU too.")
    if schedule.accumulate > 1:
        raise UserError(
            f"--compile graphs cannot add up the gradients of {schedule.accumulate} batches, as accumulate "
            "asks for; use --compile alone, or --set accumulate=1 with a larger batch."
        )


def precision_plugin(precision: Precision, device: torch.device) -> plugins.Precision:
    """Fabric's half of a precision; mixed precision keeps float32 weights."""
    if precision == "fp32":
        return plugins.Precision()
    return plugins.MixedPrecision("bf16-mixed" if precision == "bf16" else "16-mixed", device.type)


def fabric_on(device: torch.device, precision: plugins.Precision) -> Fabric:
    """Fabric for one process on a device."""
    devices: list[int] | int = [device.index or 0] if device.type == "cuda" else 1
    # Told where it runs, because it would take Slurm's variables for its own: refuse a task that was asked
    # for by --ntasks, and warn wherever a machine has Slurm. What a task of Slurm needs is in bench.launch.
    here = LightningEnvironment()
    return Fabric(accelerator=device.type, devices=devices, plugins=[precision, here])


def describe_environment(
    device: torch.device, compiled: Compiled, workers: int, code: str, processes: int = 1
) -> Environment:
    """The environment as it is recorded.

    Args:
        device: that trains.
        compiled: whether the model is.
        workers: processes that load images.
        code: the digest of what runs.
        processes: that share each batch.
    """
    on_gpu = device.type == "cuda"
    return Environment(
        device=str(device),
        device_name=device_name(device),
        platform=platform.platform(),
        python=platform.python_version(),
        versions={PROJECT: __version__} | _versions(),
        git_revision=_git_revision(),
        compiled=compiled,
        workers=workers,
        instructions="" if on_gpu else _instructions(),
        threads=torch.get_num_threads(),
        tf32=torch.backends.cudnn.allow_tf32 if on_gpu else None,
        code=code,
        processes=processes,
    )


def computes_with(device: torch.device) -> tuple[object, ...]:
    """What decides which numbers the same code makes of the same photographs on a device.

    But for the threads, which only round: runs side by side share what was computed before them with more.
    """
    on_gpu = device.type == "cuda"
    name = device_name(device) if on_gpu else _processor()
    # The processor reads the photographs for a GPU too.
    return _versions(), name, _instructions(), on_gpu and torch.backends.cudnn.allow_tf32


def _versions() -> dict[str, str]:
    return {package: version(package) for package in RECORDED}


def _instructions() -> str:
    """What PyTorch computes with on this processor, and its units for bfloat16."""
    units = sorted(_BF16_UNITS & _cpu_flags())
    return " ".join([torch.backends.cpu.get_cpu_capability(), *units])


def device_name(device: torch.device) -> str:
    """What a device is called; of a CPU with its threads, which decide its speed."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()


def _cpu_name() -> str:
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _cpu_flags() -> frozenset[str]:
    """The instruction sets that Linux names; nothing elsewhere."""
    return frozenset((_cpu_info("flags") or _cpu_info("Features")).split())


def _cpu_info(key: str) -> str:
    """What Linux says of the first processor under a key; nothing elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _git_revision() -> str | None:
    """The commit that the harness was run from, `+changes` where files differ; None outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        # Inside somebody else's repository, as in a virtual environment there, this file is not tracked.
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", __file__], cwd=here, capture_output=True, check=True
        )
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")
