"""Renders a kustomization by ``kubectl kustomize``, whose rules are not repeated here.

kubectl restricts a kustomization to files below its own folder and to other kustomizations. Like kubectl, it fetches
what the kustomization names by URL.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from netpol_harness.paths.diagnostics import ProblemWithoutPlace

_SECONDS = 120.0
_COMMANDS = (("kubectl", "kustomize"), ("kustomize", "build"))


def render(folder: Path) -> str:
    """Return the objects of a kustomization as YAML. Raises ``ProblemWithoutPlace`` if kubectl fails or is missing."""
    command = _command()
    if command is None:
        raise ProblemWithoutPlace(
            "this folder is a kustomization, which kubectl renders, and there is no kubectl here",
            "install kubectl, or name a file that `kubectl kustomize` has written",
        )
    try:
        run = subprocess.run([*command, str(folder)], capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _failure(f"takes more than {_SECONDS:.0f} s") from None
    if run.returncode:
        raise _failure(f"fails: {' '.join(run.stderr.decode(errors='replace').split())}")
    return run.stdout.decode(errors="replace")


def _command() -> list[str] | None:
    for program, verb in _COMMANDS:
        if found := shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent)):
            return [found, verb]
    return None


def _failure(what: str) -> ProblemWithoutPlace:
    return ProblemWithoutPlace(f"`kubectl kustomize` {what}", "fix the kustomization")
