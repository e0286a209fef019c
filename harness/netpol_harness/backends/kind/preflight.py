"""Before a cluster is made: what stands in the way on this host, what may, and what to do about it.

An *obstacle* makes kind unusable here. A *doubt* does not, but explains a failure that follows. The judgement is pure
(``judge``); the facts come from the engine, from ``kind version`` and from /proc.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from netpol_harness.backends.kind.engine import Engine, find_engine
from netpol_harness.backends.kind.images import (
    KIND,
    NEEDS_CGROUP_2,
    NodeImage,
    mismatch,
    node_image,
    parse_kind_version,
)
from netpol_harness.backends.kind.options import KindOptions
from netpol_harness.backends.runs.command import CommandFailed, run
from netpol_harness.deadline import Deadline
from netpol_harness.errors import LabError, ToolMissing

INSTANCES = 512
WATCHES = 524_288
"""inotify limits that kind's documentation asks for; many nodes fail with less, few nodes live with it."""

_GIB = 2**30
_CONTROL_PLANE_MEMORY = 0.65 * _GIB
_WORKER_MEMORY = 0.35 * _GIB
"""Measured 0.5 and up to 0.2 GiB without a CNI; about 0.15 GiB each for the CNI's agent."""

_SECONDS = 15.0
_INOTIFY = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class HostIssue:
    """One thing that is wrong, and its remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Host:
    """Limits of this host; 0 where they cannot be told. ``memory`` is what is available, in bytes."""

    instances: int = 0
    watches: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found."""

    obstacles: tuple[HostIssue, ...] = ()
    doubts: tuple[HostIssue, ...] = ()


class Preflight:
    """The look at this host before a cluster is created. Everything is asked when it is first needed, and once."""

    def __init__(self, image: NodeImage, nodes: int, *, offline: bool = False) -> None:
        self.image = image
        self._nodes = nodes
        self._offline = offline

    @classmethod
    def of(cls, options: KindOptions) -> "Preflight":
        """Return the preflight of the cluster that the options describe."""
        image = node_image(options.kube_image, options.image_prefix)
        return cls(image, options.nodes, offline=options.offline)

    @cached_property
    def engine(self) -> Engine:
        """The container engine. Raises ``ToolMissing`` or ``CommandFailed``."""
        return find_engine()

    @cached_property
    def findings(self) -> Findings:
        """The obstacles and doubts of this host. Cheap, without the network; never raises for what it looks for."""
        if shutil.which("kind") is None:
            release = ".".join(map(str, KIND))
            install = f"install kind v{release} or newer (kind.sigs.k8s.io/docs/user/quick-start)"
            return Findings(obstacles=(HostIssue("kind is not installed, or not on PATH", install),))
        try:
            return judge(self.engine, _kind_version(), self.image, self._nodes, read_host())
        except CommandFailed as error:
            what = f"{error.problem} ({error.output.splitlines()[-1]})" if error.output else error.problem
            return Findings(obstacles=(HostIssue(what, error.remedy),))
        except LabError as error:
            what, _, remedy = str(error).partition("; ")
            return Findings(obstacles=(HostIssue(what, remedy),))

    @cached_property
    def has_image(self) -> bool:
        """Whether the engine has the node image already."""
        return self.engine.has_image(self.image.name)

    @cached_property
    def image_obstacle(self) -> HostIssue | None:
        """Why the node image is neither here nor can be pulled, or ``None``. Asks a registry if it must."""
        return None if self.has_image else _image_obstacle(self.engine, self.image, offline=self._offline)

    def obstacle(self, *, with_image: bool) -> HostIssue | None:
        """Return the first obstacle, or ``None``; ``with_image`` includes that of the node image."""
        if self.findings.obstacles:
            return self.findings.obstacles[0]
        return self.image_obstacle if with_image else None


def judge(engine: Engine, kind: tuple[int, int, int], image: NodeImage, nodes: int, host: Host) -> Findings:
    """What these facts mean for so many nodes of this image."""
    obstacles = [*_too_old(kind, image), *_too_little_memory(engine, nodes, host)]
    doubts = [*_cgroup(engine, image), *_loose(image), *(_inotify(host) if engine.local else ())]
    return Findings(tuple(obstacles), tuple(doubts))


def _image_obstacle(engine: Engine, image: NodeImage, *, offline: bool) -> HostIssue | None:
    load = f"`{engine.program} load` an archive of it, or name one that is there with --kube-image"
    if offline:
        return HostIssue(f"the node image {image.name} is not here, and --offline forbids to pull it", load)
    asked = engine("manifest", "inspect", image.name, deadline=Deadline(_SECONDS))
    if asked.ok:
        return None
    said = (asked.error_text.strip().splitlines() or ["the registry does not answer"])[-1]
    return HostIssue(f"the node image {image.name} is not here and cannot be pulled ({said})", load)


def read_host() -> Host:
    """The limits of this host, from proc(5)."""
    return Host(
        instances=_number(_INOTIFY / "max_user_instances"),
        watches=_number(_INOTIFY / "max_user_watches"),
        memory=_available_memory(Path("/proc/meminfo")),
    )


def _kind_version() -> tuple[int, int, int]:
    said = run(["kind", "version"], deadline=Deadline(_SECONDS)).or_fail("kind does not run", "install it again")
    version = parse_kind_version(said.text)
    if version is None:
        raise ToolMissing(f"`kind version` says {said.text.strip()[:80]!r}; install a release of kind")
    return version


def _too_old(kind: tuple[int, int, int], image: NodeImage) -> Iterator[HostIssue]:
    if why := mismatch(kind, image):
        what, _, remedy = why.partition("; ")
        yield HostIssue(what, remedy)


def _too_little_memory(engine: Engine, nodes: int, host: Host) -> Iterator[HostIssue]:
    needed = _CONTROL_PLANE_MEMORY + _WORKER_MEMORY * (nodes - 1)
    there = host.memory if engine.local and host.memory else engine.memory
    if 0 < there < needed:
        what = f"{there / _GIB:.1f} GiB of memory for {nodes} nodes, which need about {needed / _GIB:.1f}"
        yield HostIssue(what, "free some, give the engine more, or ask for fewer with --nodes")


def _cgroup(engine: Engine, image: NodeImage) -> Iterator[HostIssue]:
    if engine.cgroup == 1 and (image.minor is None or image.minor >= NEEDS_CGROUP_2):
        yield HostIssue(
            f"this host has cgroup v1, which Kubernetes 1.{NEEDS_CGROUP_2} refuses unless told not to",
            "boot it with cgroup v2, or take --kube-image v1.34.11, the newest pinned one that is made for it",
        )


def _loose(image: NodeImage) -> Iterator[HostIssue]:
    if not image.is_pinned:
        yield HostIssue(f"the node image {image.name} has no digest", "add @sha256:..., so that it stays the same")


def _inotify(host: Host) -> Iterator[HostIssue]:
    limits = (("max_user_instances", host.instances, INSTANCES), ("max_user_watches", host.watches, WATCHES))
    for name, value, wanted in limits:
        if 0 < value < wanted:
            yield HostIssue(f"fs.inotify.{name} is {value}", f"`sudo sysctl fs.inotify.{name}={wanted}`")


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _available_memory(file: Path) -> int:
    try:
        fields = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return 0
