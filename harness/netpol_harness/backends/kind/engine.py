"""The container engine under kind: docker or podman, whichever answers, with its version and limits."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_harness.backends.kind.messages import known_error
from netpol_harness.backends.runs.command import CommandFailed, CommandResult, run
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed, ToolMissing

PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"
"""The environment variable that selects kind's engine; the user's choice is respected."""

_INFO_SECONDS = 15.0
_INSTALL = "install Docker (docs.docker.com/engine/install) or podman"
_START = "start the engine, such as with `systemctl start docker`"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers. ``program`` is its command, ``kind_name`` its name for kind, ``memory`` is in bytes.

    ``local`` tells whether it runs on this host's kernel: only then do the limits of this host apply to it.
    """

    program: str
    kind_name: str
    version: str
    cgroup: int
    memory: int
    local: bool

    def __call__(
        self, *arguments: str, deadline: Deadline, input: bytes | Path = b"", new_session: bool = False
    ) -> CommandResult:
        """Run one of the engine's commands."""
        return run([self.program, *arguments], deadline=deadline, input=input, new_session=new_session)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that make kind use this engine."""
        return {PROVIDER: self.kind_name}

    def has_image(self, image: str) -> bool:
        """Whether the engine has the image."""
        return self("image", "inspect", "--format", "{{.Id}}", image, deadline=Deadline(_INFO_SECONDS)).ok


def find_engine() -> Engine:
    """Return the engine for kind: the one in ``KIND_EXPERIMENTAL_PROVIDER``, else docker, else podman.

    Raises ``ToolMissing`` if none is installed, and ``CommandFailed`` if none of the installed answers.
    """
    user_choice = os.environ.get(PROVIDER, "")
    candidates = [user_choice] if user_choice else ["docker", "podman"]
    installed = [program for program in candidates if shutil.which(program)]
    if not installed:
        raise ToolMissing(f"{' and '.join(candidates)} not found on PATH; {_INSTALL}")
    first: ClusterFailed | None = None
    for program in installed:
        try:
            return _query(program)
        except CommandFailed as error:
            first = first or error
    assert first is not None
    raise first


def _query(program: str) -> Engine:
    command = _info(program)
    result = run(command, deadline=Deadline(_INFO_SECONDS))
    facts = _json(result.text)
    errors = "\n".join(facts.get("ServerErrors") or ())
    if not result.ok or errors or not facts:
        message = errors or result.error_text.strip()
        remedy = known_error(message).remedy or _START
        raise CommandFailed(f"{program} does not answer", output="\n".join(message.splitlines()[-3:]), remedy=remedy)
    return _of_podman(program, facts) if "host" in facts else _of_docker(program, facts)


def _info(program: str) -> Sequence[str]:
    return [program, "info", "--format", "{{json .}}"]


def _json(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _of_docker(program: str, facts: Mapping[str, Any]) -> Engine:
    return Engine(
        program=program,
        kind_name=program,
        version=str(facts.get("ServerVersion") or ""),
        cgroup=1 if str(facts.get("CgroupVersion")) == "1" else 2,
        memory=int(facts.get("MemTotal") or 0),
        local=facts.get("KernelVersion") == os.uname().release,
    )


def _of_podman(program: str, facts: Mapping[str, Any]) -> Engine:
    """Read podman's answer, which has a different shape; podman's ``docker`` command answers in the same way."""
    host = facts["host"]
    return Engine(
        program=program,
        kind_name="podman",
        version=str((facts.get("version") or {}).get("Version") or ""),
        cgroup=1 if str(host.get("cgroupVersion")) == "v1" else 2,
        memory=int(host.get("memTotal") or 0),
        local=host.get("kernel") == os.uname().release,
    )
