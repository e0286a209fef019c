"""The set-up of this checkout: what it pins."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
REMEDY = "run `make constraints`"


def _pinned() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}


def _required(name: str, extra: str = "") -> set[str]:
    """The distributions that this one needs in this environment, and theirs."""
    found: set[str] = set()
    for line in metadata.requires(name) or ():
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            found.add(canonicalize_name(need.name))
            for more in need.extras:
                found |= _required(need.name, more)
    return found


def test_every_package_that_set_up_installs_is_pinned() -> None:
    seen, new = set[str](), _required("netpol-harness", "dev")
    while new:
        seen |= new
        new = set[str]().union(*map(_required, new)) - seen
    assert seen - _pinned() == {"netpol-harness"}, REMEDY


def test_every_pin_is_an_exact_version() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
