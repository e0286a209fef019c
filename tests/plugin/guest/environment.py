"""A virtual environment that is not the checkout's, and what runs in it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 300
"""Time for one process: an installation, or a run of pytest."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with the wheel, and a machine that has programs called docker and kind."""

    home: Path
    programs: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.home / "bin" / "python"

    @property
    def calls(self) -> str:
        """What docker and kind were called with."""
        file = self.programs / "calls"
        return file.read_text() if file.exists() else ""

    def pytest(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``python -m pytest`` in a folder, as its owner would."""
        return self.run(folder, str(self.python), "-m", "pytest", "-p", "no:cacheprovider", *arguments)

    def script(self, name: str) -> str:
        """Return the path of a console script."""
        return str(self.home / "bin" / name)

    def run(self, folder: Path, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a folder, with no variables of these tests but ``more``."""
        variables = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder.parent),
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }
        return subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=SECONDS
        )
