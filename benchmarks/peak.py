"""The most memory that this process has held."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_bytes() -> int:
    """Return the peak of this program alone.

    On Linux getrusage also counts what the parent held when it started this process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
