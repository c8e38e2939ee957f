"""How many processors this process may use, which on a shared machine are fewer than it has."""

import math
import os
from pathlib import Path

GIVEN = "SLURM_CPUS_PER_TASK"
"""What a scheduler says that a task was given, whether or not it holds it to that."""

_GROUPS = Path("/sys/fs/cgroup")


def processors() -> int:
    """Processors that this process may use: by its mask, by the limit of its group, by its scheduler."""
    return max(1, min(_by_mask(), _by_group(), given_processors() or 1 << 20))


def given_processors() -> int | None:
    """The share that a scheduler gave this task; None without one."""
    text = os.environ.get(GIVEN, "")
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _by_mask() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _by_group() -> int:
    """By the quota of time of this process's control group and those above it: a half counts as one."""
    limits = [_quota(folder) for folder in _folders()]
    return min((math.ceil(limit) for limit in limits if limit), default=1 << 20)


def _folders() -> list[Path]:
    """The folders of the group and those above it; of a container its own is the root."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _GROUPS / controllers if controllers else _GROUPS
        group = Path(place.strip("/"))
        found += [root / group, *(root / above for above in group.parents)]
    return found


def _quota(folder: Path) -> float | None:
    """Processors' time per time that a group may have; None without a limit."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return int(quota) / int(period) if quota.isdecimal() and int(period) > 0 else None
    except (OSError, ValueError):
        return None
