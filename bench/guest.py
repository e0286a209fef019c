"""What the installed plugin costs a project that has no scenarios."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

_RUNS = 21
_WITHOUT = ("-p", "no:netpol_harness.plugin")
_MODES: dict[str, tuple[str, ...]] = {"a test": (), "a test, -n 1": ("-n", "1")}


def costs() -> dict[str, tuple[float, float]]:
    """Median processor seconds of a run of one plain test with and without the plugin, by how it is run; in turns."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "test_plain.py").write_text("def test_it(): ...\n")
        return {mode: _cost(Path(directory), arguments) for mode, arguments in _MODES.items()}


def _cost(folder: Path, arguments: tuple[str, ...]) -> tuple[float, float]:
    pairs = [(_run(folder, arguments), _run(folder, (*arguments, *_WITHOUT))) for _ in range(_RUNS)][1:]
    return median(with_it for with_it, _ in pairs), median(without for _, without in pairs)


def _run(folder: Path, arguments: tuple[str, ...]) -> float:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    before = _processor_seconds()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return _processor_seconds() - before


def _processor_seconds() -> float:
    """What the processes that were waited for have used: unlike the time on the clock, it hardly depends on others."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
