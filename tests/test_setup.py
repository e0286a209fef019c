"""The set-up pins every package that it installs."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HOW_TO_FIX = "run `make constraints`"


def _pinned() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}


def _required(name: str, extra: str = "") -> set[str]:
    """Return the distributions that a distribution requires in this environment, with those of its extras."""
    names: set[str] = set()
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            names.add(canonicalize_name(requirement.name))
            for name in requirement.extras:
                names |= _required(requirement.name, name)
    return names


def test_every_package_that_set_up_installs_is_pinned() -> None:
    seen, new = set[str](), _required("netpol-harness", "dev")
    while new:
        seen |= new
        new = set[str]().union(*map(_required, new)) - seen
    assert seen - _pinned() == {"netpol-harness"}, HOW_TO_FIX


def test_every_pin_is_an_exact_version() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
