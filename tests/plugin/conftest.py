import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugin.demo import Demo


@pytest.fixture
def demo(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """Two pods, a Service, a step without policies and one with default deny; temporary files in a place of its own."""
    made = Demo(pytester)
    monkeypatch.setenv("TMPDIR", str(made.temporary))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)  # it is for the run of these tests, not for runs in them
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2] / "harness"), os.environ.get("PYTHONPATH", "")])
    )
    return made


@pytest.fixture
def green(demo: Demo) -> Callable[..., pytest.RunResult]:
    """Run, and demand that all passes and nothing is left."""

    def run(*arguments: str) -> pytest.RunResult:
        result = demo.run(*arguments)
        assert result.ret == 0, result.stdout.str()
        assert demo.vanished(), demo.left()
        return result

    return run
