"""Binaries of suites: found in a folder, or built there from Go modules. The Go caches are those of ``go env``."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.peers.suites import HERE, Suite

DEFAULT = HERE.parents[1] / "build" / "peers"
_GO = "/usr/local/go/bin"


class PeerMissing(Exception):
    """A suite cannot run on this machine. The message says what is missing and how to get it."""


def find(suite: Suite, binaries: Path) -> Path | None:
    """Return the suite's binary if the folder has it."""
    path = binaries / suite.binary
    return path if path.is_file() else None


def build(suite: Suite, binaries: Path) -> Path:
    """Build the suite's binary in the folder, which takes minutes. Raises ``PeerMissing``."""
    binaries.mkdir(parents=True, exist_ok=True)
    folder = HERE / suite.here if suite.here else module_folder(suite)
    command = [word.format(binaries=binaries) for word in suite.build]
    _run([go(), *command[1:]], folder)
    return binaries / suite.binary


def module_folder(suite: Suite) -> Path:
    """Return the folder of the suite's module in Go's cache, downloaded if need be. Raises ``PeerMissing``."""
    answer = _run([go(), "mod", "download", "-json", suite.module], Path("/"))
    return Path(json.loads(answer)["Dir"])


def go() -> str:
    """Return the program ``go``. Raises ``PeerMissing``."""
    program = shutil.which("go") or shutil.which("go", path=_GO)
    if program is None:
        raise PeerMissing("there is no Go toolchain: install Go 1.26 or newer (https://go.dev/dl), and put it in PATH")
    return program


def _run(command: Sequence[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PeerMissing(f"'{' '.join(command)}' in {folder} failed:\n{result.stderr[-2000:]}")
    return result.stdout
