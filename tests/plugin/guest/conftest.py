"""The package as others have it: a wheel, installed into an environment that is not the checkout's."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.plugin.guest.environment import SECONDS, Environment

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_SOURCES = ("harness", "manifests", "pyproject.toml", "README.md", "LICENSE", "kind-config.yaml")
_STUB = '#!/bin/sh\necho "$0 $*" >> "$(dirname "$0")/calls"\nexit 1\n'
_OFFLINE = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable|No route to host")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    source, into = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in _SOURCES:
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, source / name)
    _pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(source))
    (built,) = into.glob("*.whl")
    return built


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Programs called docker and kind, which note that they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "podman", "kind"):
        (folder / name).write_text(_STUB)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def own_dependencies(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an environment with the wheel and what it depends on, but for the distributions named."""

    def make(*without: str) -> Path:
        home = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=SECONDS)
        (packages,) = home.glob("lib/python*/site-packages")
        for found in _closure(PROJECT["dependencies"], set(without)).values():
            _link(found, packages)
            _copy_scripts(found, home)
        _pip(sys.executable, "--python", str(home / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel))
        return home

    return make


@pytest.fixture(scope="session")
def own_environment(own_dependencies: Callable[..., Path]) -> Path:
    """The wheel with all that it depends on."""
    return own_dependencies()


@pytest.fixture
def alone(own_environment: Path, programs: Path) -> Environment:
    """The package and what it depends on; nothing else."""
    return Environment(own_environment, programs)


@pytest.fixture
def without_xdist(own_dependencies: Callable[..., Path], programs: Path) -> Environment:
    """The same where somebody has uninstalled pytest-xdist."""
    return Environment(own_dependencies("pytest-xdist", "execnet"), programs)


@pytest.fixture(scope="session")
def crowded_environment(wheel: Path) -> Iterator[Path]:
    """The wheel beside the plugins of the extra ``guests``, which are downloaded once for each set of versions.

    Skips where there is no network to download them.
    """
    guests = PROJECT["optional-dependencies"]["guests"]
    pins = Path(__file__).with_name("constraints.txt")
    what = f"{sys.version}{PROJECT['dependencies']}{guests}{pins.read_text()}"
    home = Path(sys.prefix) / f"guests-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    lock = os.open(f"{home}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # one run at a time: it changes what is installed there
    try:
        if not (home / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, timeout=SECONDS)
            _pip(str(home / "bin" / "python"), "install", "-c", str(pins), *PROJECT["dependencies"], *guests)
            (home / "complete").touch()
        _pip(str(home / "bin" / "python"), "install", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
        yield home
    finally:
        os.close(lock)


@pytest.fixture
def crowded(crowded_environment: Path, programs: Path) -> Environment:
    """The package beside the plugins that are used most."""
    return Environment(crowded_environment, programs)


def _pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode and _OFFLINE.search(done.stderr):
        pytest.skip("the packages of the extra 'guests' cannot be downloaded: there is no network")
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def _closure(requirements: list[str], without: set[str]) -> dict[str, Distribution]:
    """Distributions of this environment that are required, directly or by others."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(text) for text in requirements]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found or name in without or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(name)
        wanted += [Requirement(text) for text in found[name].requires or ()]
    return found


def _link(found: Distribution, packages: Path) -> None:
    tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        (packages / top).symlink_to(Path(str(found.locate_file(top))))


def _copy_scripts(found: Distribution, home: Path) -> None:
    """Copy a distribution's console scripts, to be run by the interpreter of the environment ``home``."""
    for entry in found.entry_points.select(group="console_scripts"):
        script = Path(sys.prefix) / "bin" / entry.name
        if script.exists():
            _, _, code = script.read_text().partition("\n")
            copy = home / "bin" / entry.name
            copy.write_text(f"#!{home / 'bin' / 'python'}\n{code}")
            copy.chmod(0o755)
