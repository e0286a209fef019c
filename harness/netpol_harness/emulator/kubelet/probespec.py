"""What a container's probes ask of the kubelet (core/v1 Probe), and when a result counts. Pure.

A stand-in has no application: its exec probes can only ask the network. One that asks the application, by a program of
its image, a file, or a request to the pod itself, passes, because the stand-in stands for a healthy application.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.emulator.kubelet import images

_TEST_CLIENT = "agnhost"
_CLIENTS = frozenset(
    {_TEST_CLIENT, "curl", "dig", "getent", "host", "nc", "ncat", "netcat", "nslookup", "ping", "telnet", "wget"}
)
_CALLED_BY_ANOTHER = re.compile(rf"\btimeout\s[^;|&]*\b(?:{'|'.join(sorted(_CLIENTS))})\b|/dev/(?:tcp|udp)/")
_ITSELF = re.compile(r"\blocalhost\b|\b127\.\d+\.\d+\.\d+\b|\[?::1\]?|\b0\.0\.0\.0\b|\$\{?(?:HOSTNAME|POD_IP)\b")


class ProbeKind(StrEnum):
    """The kinds of probes, as messages name them. The values of ``field`` are the API's."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"

    @property
    def field(self) -> str:
        """The field of a container that has the probe."""
        return f"{self.lower()}Probe"


@dataclass(frozen=True, slots=True)
class ContainerProbe:
    """One probe of a container. Times are in seconds.

    ``successes`` and ``failures`` are the numbers of equal results in a row that count.
    """

    kind: ProbeKind
    handler: Mapping[str, Any]
    delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    successes: int = 1
    failures: int = 3

    @classmethod
    def parse(cls, kind: ProbeKind, data: Mapping[str, Any]) -> "ContainerProbe":
        """Read a defaulted core/v1 Probe."""
        return cls(
            kind,
            {name: data[name] for name in ("exec", "grpc", "httpGet", "tcpSocket") if name in data},
            float(data.get("initialDelaySeconds") or 0),
            float(data.get("periodSeconds") or 10),
            float(data.get("timeoutSeconds") or 1),
            int(data.get("successThreshold") or 1),
            int(data.get("failureThreshold") or 3),
        )


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one probe, with the kubelet's message if it failed."""

    passed: bool
    message: str = ""


class ConsecutiveResults:
    """Counts equal results in a row."""

    def __init__(self, probe: ContainerProbe) -> None:
        self._limits = {True: probe.successes, False: probe.failures}
        self._last: bool | None = None
        self._count = 0

    def count(self, result: ProbeResult) -> bool:
        """Add a result. Return whether it counts: there are enough of its kind in a row."""
        self._count = self._count + 1 if result.passed is self._last else 1
        self._last = result.passed
        return self._count >= self._limits[result.passed]


def probes(container: Mapping[str, Any]) -> dict[ProbeKind, ContainerProbe]:
    """Return the container's probes."""
    found = {kind: container.get(kind.field) for kind in ProbeKind}
    return {kind: ContainerProbe.parse(kind, data) for kind, data in found.items() if data}


def may_be_killed(container: Mapping[str, Any]) -> bool:
    """Return whether a probe may end the container."""
    return not {ProbeKind.STARTUP, ProbeKind.LIVENESS}.isdisjoint(probes(container))


def port_number(container: Mapping[str, Any], port: int | str) -> int | None:
    """Return the number of a probe's port, which may be the name of a declared one; None if none has the name."""
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    declared = container.get("ports") or ()
    return next((entry["containerPort"] for entry in declared if entry.get("name") == port), None)


def asks_network(command: Sequence[str]) -> bool:
    """Return whether a command is a network client's, or a script with one, for another host than the pod itself.

    Every program that it calls must be one that the host has.
    """
    text, called = " ".join(command), images.called_programs(command)
    is_client = bool(called & _CLIENTS or _CALLED_BY_ANOTHER.search(text))
    is_known = images.are_common(called - {_TEST_CLIENT})
    return is_client and is_known and not _ITSELF.search(text)
