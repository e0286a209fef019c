"""The names that other people's tests import."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import netpol_harness

SCENARIOS = Path(__file__).parents[1] / "scenarios"
PUBLIC = [
    "Capability",
    "Cluster",
    "Expected",
    "HarnessError",
    "Judgement",
    "ObservedPath",
    "ObservedTable",
    "Outcome",
    "PathProbe",
    "ScenarioRun",
    "TableProbe",
    "Unproven",
]


def test_the_public_names_are_these() -> None:
    assert netpol_harness.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_a_class_that_is_documented_with_a_sample(name: str) -> None:
    found = getattr(netpol_harness, name)
    assert isinstance(found, type)
    assert found.__name__ == name
    assert getattr(importlib.import_module(found.__module__), name) is found
    assert re.search(rf"^``{name}`` +\S.*$", str(netpol_harness.__doc__), re.MULTILINE)


def test_public_names_are_listed_before_they_are_loaded() -> None:
    assert set(PUBLIC) <= set(dir(netpol_harness))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Scenrio'"):
        getattr(netpol_harness, "Scenrio")  # noqa: B009  # a type checker rejects netpol_harness.Scenrio


def test_importing_the_package_imports_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import netpol_harness; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "netpol_harness" in loaded
    assert not loaded & {"kubernetes", "aiohttp", "yaml", "pytest", "rich"}


def test_type_checkers_know_the_names_and_reject_others(tmp_path: Path) -> None:
    file = tmp_path / "demo.py"
    file.write_text(
        "from netpol_harness import ObservedPath, PathProbe, Scenrio\n"
        "def test_it(probe: PathProbe) -> None:\n"
        "    reveal_type(probe('a -> b:80'))\n"
        "    reveal_type(ObservedPath.outcome.fget)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file", "", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'Module "netpol_harness" has no attribute "Scenrio"' in done.stdout, done.stdout + done.stderr
    assert 'Revealed type is "netpol_harness.plugin.observed.ObservedPath"' in done.stdout


@pytest.mark.parametrize("file", sorted(SCENARIOS.rglob("test_*.py")), ids=lambda file: file.name)
def test_the_shipped_tests_in_python_import_public_names_only(file: Path) -> None:
    imports = re.findall(r"^(?:from|import) (netpol_harness\S*)", file.read_text(), re.MULTILINE)
    assert imports == ["netpol_harness"]
