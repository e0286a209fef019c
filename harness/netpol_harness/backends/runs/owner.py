"""Whose a run is, and whether its owner still lives: what dead runs leave behind must be told from what is in use.

A run's name says it all: ``PID-START-BOOT-RANDOM``. START is in ticks since boot (proc(5)); BOOT stands for this boot
of this host and the process tree that PID is a number of, so that nobody is called dead who lives in another container.
It is a DNS label and a label's value, so that whatever a run makes can carry it.
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


class Life(StrEnum):
    """What can be told of an owner from here."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that the user started, in one process tree of one boot of one host."""

    pid: int
    start: int
    boot: str
    random: str

    @classmethod
    def here(cls) -> "Owner":
        """This process, with a random part of its own each time."""
        return cls(os.getpid(), _started(os.getpid()), _boot(), secrets.token_hex(3))

    @classmethod
    def find(cls, text: str) -> "Owner | None":
        """The owner whose run's name is somewhere in ``text``."""
        if (found := _NAME.search(text)) is None:
            return None
        return cls(int(found["pid"]), int(found["start"], 16), found["boot"], found["random"])

    @property
    def run(self) -> str:
        """The run's name."""
        return f"{self.pid}-{self.start:x}-{self.boot}-{self.random}"

    @property
    def life(self) -> Life:
        """Whether the process lives, as far as this process tree can know."""
        if self.boot != _boot():
            return Life.ELSEWHERE
        return Life.ALIVE if _started(self.pid) == self.start else Life.DEAD


def life_of(text: str) -> Life:
    """Return whether the owner of the run named in ``text`` is alive; ``ELSEWHERE`` if it names no run."""
    owner = Owner.find(text)
    return owner.life if owner else Life.ELSEWHERE


def marked(data: Mapping[str, Any], run: str) -> dict[str, Any]:
    """An API object with the marks of the run that makes it."""
    metadata = data["metadata"]
    labels = {**(metadata.get("labels") or {}), RUN_LABEL: run}
    annotations = {**(metadata.get("annotations") or {}), OWNER_ANNOTATION: _owner()}
    return {**data, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def run_of(data: Mapping[str, Any]) -> str:
    """The name of the run that made an object; empty where none of ours did."""
    return str((data["metadata"].get("labels") or {}).get(RUN_LABEL) or "")


@cache
def _owner() -> str:
    return json.dumps({"host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")})


@cache
def _boot() -> str:
    tree = Path("/proc/self/ns/pid").readlink()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return sha256(f"{boot}{tree}".encode()).hexdigest()[:6]


def _started(pid: int) -> int:
    """When a process began, in ticks since boot; -1 where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[_START_FIELD])
