"""How much memory a process has held at most."""

import resource
import sys
from pathlib import Path


def resident_peak() -> int:
    """Bytes that were resident in this process at once, since it began or since the mark was reset."""
    status = Path("/proc/self/status")
    if status.is_file() and "VmHWM:" in (text := status.read_text()):
        return 1024 * int(text.split("VmHWM:")[1].split()[0])
    scale = 1 if sys.platform == "darwin" else 1024
    return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
