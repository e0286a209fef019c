"""``lab``: hosts in private namespaces, to check rules with real packets."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.ip_family import IpFamily

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("lab_process.py")

Probe = tuple[str, str, str, int]
"""From address, to address, protocol, port."""


class Lab:
    """The process in the namespaces."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hosts(self, addresses: Sequence[str], ports: Sequence[int], *, node: int | None = 0) -> None:
        """Create hosts on a node, or outside of all, that serve these ports by TCP and UDP."""
        self._request({"hosts": list(addresses), "ports": list(ports), "node": node})

    def apply(self, text: str, *, node: int = 0) -> None:
        """Apply one nftables transaction on a node."""
        if text:
            self._request({"apply": text, "node": node})

    def flush(self) -> None:
        """Delete all rules."""
        self._request({"flush": True})

    def listing(self) -> list[Mapping[str, Any]]:
        """List the rules in force on the first node."""
        rules: list[Mapping[str, Any]] = self._request({"list": True})
        return rules

    def probe(self, probes: Sequence[Probe], *, patience: float = 0.1) -> dict[Probe, str]:
        """Run all probes at once; each is ``connected``, ``refused`` or ``silent``."""
        outcomes = self._request({"probe": list(probes), "patience": patience})
        return dict(zip(probes, outcomes, strict=True))

    def flow(self, source: str, target: str, port: int) -> str:
        """Send a datagram on a UDP flow that stays open from call to call."""
        outcome: str = self._request({"flow": [source, target, port]})
        return outcome

    def _request(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process of the lab has ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["ok"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab with one node, without hosts or rules."""
    with _lab(1) as lab:
        yield lab


@pytest.fixture(scope="module")
def new_lab() -> Callable[..., AbstractContextManager[Lab]]:
    """Return a function that starts labs with a number of nodes and IP families, without hosts or rules."""
    return _lab


@contextmanager
def _lab(nodes: int, family: IpFamily = IpFamily.IPV4) -> Iterator[Lab]:
    unshare = shutil.which("unshare")
    assert unshare, "the lab needs unshare (util-linux)"
    spaces = [
        "--net",
        "--mount",
        "--uts",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "--user",
        "--map-root-user",
    ]
    process = subprocess.Popen(
        [unshare, *spaces, sys.executable, str(PROCESS), str(nodes), family.value],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT / "harness")},
    )
    with process:
        yield Lab(process)
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=10)
