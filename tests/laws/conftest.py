"""``lab``: hosts of its own in private namespaces, to see with real packets what rules do."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("lab_process.py")

Probe = tuple[str, str, str, int]
"""From address, to address, protocol, port."""


class Lab:
    """Talks to the process in the namespaces."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hosts(self, addresses: Sequence[str], ports: Sequence[int]) -> None:
        """Make hosts that serve these ports by TCP and UDP."""
        self._ask({"hosts": list(addresses), "ports": list(ports)})

    def apply(self, text: str) -> None:
        """One nftables transaction."""
        if text:
            self._ask({"apply": text})

    def forget(self) -> None:
        """Drop all rules."""
        self._ask({"forget": True})

    def listing(self) -> list[Mapping[str, Any]]:
        """The rules in force."""
        rules: list[Mapping[str, Any]] = self._ask({"list": True})
        return rules

    def probe(self, probes: Sequence[Probe], *, patience: float = 0.1) -> dict[Probe, str]:
        """Try all of them at once: ``connected``, ``refused`` or ``silent``."""
        outcomes = self._ask({"probe": list(probes), "patience": patience})
        return dict(zip(probes, outcomes, strict=True))

    def flow(self, source: str, target: str, port: int) -> str:
        """Send once more on a UDP flow that stays open from call to call."""
        outcome: str = self._ask({"flow": [source, target, port]})
        return outcome

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the lab's process has died"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["ok"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """An empty lab."""
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
        [unshare, *spaces, sys.executable, str(PROCESS)],
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
