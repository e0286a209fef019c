"""The cost of the installed plugin for a project that has no scenarios."""

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
    """Return, for each way to run one plain test, the median processor seconds with and without the plugin.

    The runs with and without alternate.
    """
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "test_plain.py").write_text("def test_it(): ...\n")
        return {mode: _cost(Path(directory), arguments) for mode, arguments in _MODES.items()}


def _cost(folder: Path, arguments: tuple[str, ...]) -> tuple[float, float]:
    pairs = [(_run(folder, arguments), _run(folder, (*arguments, *_WITHOUT))) for _ in range(_RUNS)][1:]
    return median(with_plugin for with_plugin, _ in pairs), median(without for _, without in pairs)


def _run(folder: Path, arguments: tuple[str, ...]) -> float:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    before = _processor_seconds()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return _processor_seconds() - before


def _processor_seconds() -> float:
    """Return the processor time of all ended children: unlike wall time, it hardly depends on other processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
