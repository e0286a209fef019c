"""Identify a run's owner process and whether it is alive, so that leftovers of dead runs can be removed safely.

A run's name is ``PID-START-BOOT-RANDOM``. START is in clock ticks since boot (proc(5)). BOOT identifies this boot of
this host and the PID namespace of PID, so that a process of another container is never taken for dead. The name is a
valid DNS label and label value, so that every object of the run can carry it.
"""

import json
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from netpol_harness.wellknown import OWNER_ANNOTATION, RUN_LABEL

_NAME = re.compile(r"(?P<pid>\d+)-(?P<start>[0-9a-f]+)-(?P<boot>[0-9a-f]{6})-(?P<random>[0-9a-f]{6})", re.ASCII)
_START_FIELD = 19  # of /proc/PID/stat, counted from after the command's closing parenthesis


class OwnerState(StrEnum):
    """Whether an owner is alive. ``ELSEWHERE``: it is a process of another host, boot or container, so unknown."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that the user started, in one PID namespace of one boot of one host."""

    pid: int
    start: int
    boot: str
    random: str

    @classmethod
    def current(cls) -> "Owner":
        """Return this process, with a new random part each time."""
        return cls(os.getpid(), _started(os.getpid()), _boot(), secrets.token_hex(3))

    @classmethod
    def find(cls, text: str) -> "Owner | None":
        """Return the owner whose run's name occurs in ``text``, if any."""
        if (match := _NAME.search(text)) is None:
            return None
        return cls(int(match["pid"]), int(match["start"], 16), match["boot"], match["random"])

    @property
    def run(self) -> str:
        """The run's name."""
        return f"{self.pid}-{self.start:x}-{self.boot}-{self.random}"

    @property
    def state(self) -> OwnerState:
        """Whether the process is alive."""
        if self.boot != _boot():
            return OwnerState.ELSEWHERE
        return OwnerState.ALIVE if _started(self.pid) == self.start else OwnerState.DEAD


def owner_state(text: str) -> OwnerState:
    """Return whether the owner of the run named in ``text`` is alive; ``ELSEWHERE`` if it names no run."""
    owner = Owner.find(text)
    return owner.state if owner else OwnerState.ELSEWHERE


def with_owner(data: Mapping[str, Any], run: str) -> dict[str, Any]:
    """Return an API object with the label and the annotation of the run that creates it."""
    metadata = data["metadata"]
    labels = {**(metadata.get("labels") or {}), RUN_LABEL: run}
    annotations = {**(metadata.get("annotations") or {}), OWNER_ANNOTATION: _owner()}
    return {**data, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def run_of(data: Mapping[str, Any]) -> str:
    """Return the name of the run that created an object; empty for an object that is not ours."""
    return str((data["metadata"].get("labels") or {}).get(RUN_LABEL) or "")


@cache
def _owner() -> str:
    return json.dumps({"host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")})


@cache
def _boot() -> str:
    namespace = Path("/proc/self/ns/pid").readlink()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return sha256(f"{boot}{namespace}".encode()).hexdigest()[:6]


def _started(pid: int) -> int:
    """Return when a process began, in clock ticks since boot; -1 if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[_START_FIELD])
