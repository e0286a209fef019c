"""What this host lets an embedded cluster do, found by a process of the emulator that only checks."""

import os
import subprocess
import sys
from pathlib import Path

from netpol_harness.ip_family import IpFamily

MODULE = "netpol_harness.emulator"


def command(*arguments: str) -> list[str]:
    """Return the command of the emulator."""
    return [sys.executable, "-m", MODULE, *arguments]


def environment() -> dict[str, str]:
    """Return our environment, with this package importable from any working directory."""
    root = str(Path(__file__).resolve().parents[3])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root}


def obstacle(family: IpFamily = IpFamily.IPV4) -> str | None:
    """Return in one line why no embedded cluster with these IP families can run here, or ``None``."""
    return _complaint("--check", "--ip-family", family.value) or None


def refused_rules(text: str) -> str:
    """Return why the kernel does not take these rules of nftables; empty if it does. They have no effect."""
    return _complaint("--check-rules", text).partition("\n")[0].rpartition(": Error: ")[-1]


def _complaint(*arguments: str) -> str:
    result = subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stderr.strip() or f"exit code {result.returncode}"
