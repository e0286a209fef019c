"""The wheel: what its metadata says, what it holds, and that it installs anywhere and meets no folder of the user's."""

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.plugin.guest.environment import Environment

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "harness" / "netpol_harness"
FOREIGN_HARNESS = "WHOSE = 'the user'\n"
TEST = """\
import harness

def test_the_users_own_harness():
    assert harness.WHOSE == "the user"
"""
DATA = """\
import json
from pathlib import Path
from importlib.resources import files
import netpol_harness
from netpol_harness.backends.cni.definition import load
from netpol_harness.backends.kind.config import read_config

root = files("netpol_harness")
definitions = Path(str(root / "manifests" / "cni"))
names = sorted(file.stem for file in definitions.glob("*.yaml"))
print(json.dumps({
    "home": str(Path(netpol_harness.__file__).parent),
    "cni": {name: load(name, definitions).title for name in names},
    "nodes": len(read_config(Path(str(root / "kind-config.yaml")))["nodes"]),
    "typed": (root / "py.typed").is_file(),
}))
"""


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def imported_packages() -> set[str]:
    """Return the top-level names that any module of the package imports, but for the standard library and itself."""
    names = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {PACKAGE.name}


def test_what_is_imported_is_declared_and_the_reverse(metadata: Message) -> None:
    declared = {
        canonicalize_name(requirement.name)
        for requirement in map(Requirement, metadata.get_all("Requires-Dist", []))
        if requirement.marker is None
    }
    homes = packages_distributions()
    assert declared == {canonicalize_name(homes[name][0]) for name in imported_packages()}


def test_the_metadata_name_what_an_index_shows(metadata: Message) -> None:
    classifiers = set(metadata.get_all("Classifier", []))
    versions = {f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)}
    assert versions | {"Framework :: Pytest", "Typing :: Typed"} <= classifiers
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_wheel_holds_what_the_checkout_does(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    here = {
        Path(folder, name).relative_to(PACKAGE.parent).as_posix()
        for folder, _, names in os.walk(PACKAGE, followlinks=True)
        for name in names
        if not name.endswith(".pyc")
    }
    assert shipped == here


@pytest.mark.parametrize("how", ["pytest", "python -m pytest"])
def test_a_folder_called_harness_stays_the_users(alone: Environment, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "repository"
    (folder / "harness").mkdir(parents=True)
    (folder / "harness" / "__init__.py").write_text(FOREIGN_HARNESS)
    (folder / "test_it.py").write_text(TEST)
    command = [alone.script("pytest")] if how == "pytest" else [str(alone.python), "-m", "pytest"]
    done = alone.run(folder, *command, "-p", "no:cacheprovider")
    assert re.search(r"^plugins: .*\bnetpol-harness-", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert done.stdout.rstrip().splitlines()[-1].strip("= ").startswith("1 passed"), done.stdout + done.stderr


def test_the_data_are_there_in_a_virtual_environment(alone: Environment, tmp_path: Path) -> None:
    done = alone.run(tmp_path, str(alone.python), "-c", DATA)
    assert done.returncode == 0, done.stderr
    check_data(json.loads(done.stdout), alone.home)


def test_the_data_are_there_where_pip_installs_into_a_folder(alone: Environment, wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    done = alone.run(tmp_path, str(alone.python), "-c", DATA, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    check_data(json.loads(done.stdout), site)


def check_data(found: dict[str, object], home: Path) -> None:
    """Check what an installation below ``home`` found of the package's data."""
    assert Path(str(found["home"])).is_relative_to(home)
    names = {file.stem for file in (ROOT / "manifests" / "cni").glob("*.yaml")}
    assert isinstance(found["cni"], dict)
    assert found["cni"].keys() == names
    assert found["nodes"] == 3
    assert found["typed"] is True


def test_the_command_says_its_version(alone: Environment, metadata: Message, tmp_path: Path) -> None:
    done = alone.run(tmp_path, alone.script("netpol"), "--version")
    assert (done.returncode, done.stdout) == (0, f"netpol {metadata['Version']}\n"), done.stderr
