"""Check this host before a cluster is created, and report each issue with a remedy.

An *obstacle* makes kind unusable here. A *warning* does not, but may explain a later failure. ``assess`` is pure; the
facts come from the engine, from ``kind version`` and from /proc.
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
"""inotify limits of kind's documentation; with lower limits, clusters of many nodes fail."""

_GIB = 2**30
_CONTROL_PLANE_MEMORY = 0.65 * _GIB
_WORKER_MEMORY = 0.35 * _GIB
"""In bytes. Measured: 0.5 and up to 0.2 GiB without a CNI, and about 0.15 GiB for the CNI's agent on each node."""

_SECONDS = 15.0
_INOTIFY = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class HostIssue:
    """An issue of this host, and its remedy."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Host:
    """Limits of this host; 0 if unknown. ``memory`` is the available memory in bytes."""

    instances: int = 0
    watches: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class HostIssues:
    """The issues of this host."""

    obstacles: tuple[HostIssue, ...] = ()
    warnings: tuple[HostIssue, ...] = ()


class Preflight:
    """The check of this host. Each fact is read when it is first needed, and only once."""

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
    def issues(self) -> HostIssues:
        """The obstacles and warnings. Cheap and without the network. Never raises for what it checks."""
        if shutil.which("kind") is None:
            release = ".".join(map(str, KIND))
            install = f"install kind v{release} or newer (kind.sigs.k8s.io/docs/user/quick-start)"
            return HostIssues(obstacles=(HostIssue("kind is not installed, or not on PATH", install),))
        try:
            return assess(self.engine, _kind_version(), self.image, self._nodes, read_host())
        except CommandFailed as error:
            problem = f"{error.problem} ({error.output.splitlines()[-1]})" if error.output else error.problem
            return HostIssues(obstacles=(HostIssue(problem, error.remedy),))
        except LabError as error:
            problem, _, remedy = str(error).partition("; ")
            return HostIssues(obstacles=(HostIssue(problem, remedy),))

    @cached_property
    def has_image(self) -> bool:
        """Whether the engine has the node image."""
        return self.engine.has_image(self.image.name)

    @cached_property
    def image_obstacle(self) -> HostIssue | None:
        """Why the engine neither has the node image nor can pull it, or ``None``. May ask a registry."""
        return None if self.has_image else _image_obstacle(self.engine, self.image, offline=self._offline)

    def obstacle(self, *, with_image: bool) -> HostIssue | None:
        """Return the first obstacle, or ``None``. ``with_image`` includes the one of the node image."""
        if self.issues.obstacles:
            return self.issues.obstacles[0]
        return self.image_obstacle if with_image else None


def assess(engine: Engine, kind: tuple[int, int, int], image: NodeImage, nodes: int, host: Host) -> HostIssues:
    """Return the issues of a host with these facts, for a number of nodes of this image."""
    obstacles = [*_too_old(kind, image), *_too_little_memory(engine, nodes, host)]
    warnings = [*_cgroup(engine, image), *_unpinned(image), *(_inotify(host) if engine.local else ())]
    return HostIssues(tuple(obstacles), tuple(warnings))


def _image_obstacle(engine: Engine, image: NodeImage, *, offline: bool) -> HostIssue | None:
    load = f"`{engine.program} load` an archive of it, or choose an image that {engine.program} has with --kube-image"
    if offline:
        return HostIssue(f"the node image {image.name} is missing, and --offline forbids pulling it", load)
    result = engine("manifest", "inspect", image.name, deadline=Deadline(_SECONDS))
    if result.ok:
        return None
    error = (result.error_text.strip().splitlines() or ["the registry does not answer"])[-1]
    return HostIssue(f"the node image {image.name} is missing and cannot be pulled ({error})", load)


def read_host() -> Host:
    """Return the limits of this host, from proc(5)."""
    return Host(
        instances=_number(_INOTIFY / "max_user_instances"),
        watches=_number(_INOTIFY / "max_user_watches"),
        memory=_available_memory(Path("/proc/meminfo")),
    )


def _kind_version() -> tuple[int, int, int]:
    result = run(["kind", "version"], deadline=Deadline(_SECONDS)).or_fail("kind does not run", "install it again")
    version = parse_kind_version(result.text)
    if version is None:
        raise ToolMissing(f"`kind version` prints {result.text.strip()[:80]!r}; install a release of kind")
    return version


def _too_old(kind: tuple[int, int, int], image: NodeImage) -> Iterator[HostIssue]:
    if message := mismatch(kind, image):
        problem, _, remedy = message.partition("; ")
        yield HostIssue(problem, remedy)


def _too_little_memory(engine: Engine, nodes: int, host: Host) -> Iterator[HostIssue]:
    needed = _CONTROL_PLANE_MEMORY + _WORKER_MEMORY * (nodes - 1)
    available = host.memory if engine.local and host.memory else engine.memory
    if 0 < available < needed:
        problem = f"{available / _GIB:.1f} GiB of memory for {nodes} nodes, which need about {needed / _GIB:.1f}"
        yield HostIssue(problem, "free some memory, give the engine more, or use fewer nodes with --nodes")


def _cgroup(engine: Engine, image: NodeImage) -> Iterator[HostIssue]:
    if engine.cgroup == 1 and (image.minor is None or image.minor >= NEEDS_CGROUP_2):
        yield HostIssue(
            f"this host has cgroup v1, which Kubernetes 1.{NEEDS_CGROUP_2} refuses by default",
            "boot it with cgroup v2, or use --kube-image v1.34.11, the newest pinned image that supports it",
        )


def _unpinned(image: NodeImage) -> Iterator[HostIssue]:
    if not image.is_pinned:
        yield HostIssue(f"the node image {image.name} has no digest", "add @sha256:..., so that it never changes")


def _inotify(host: Host) -> Iterator[HostIssue]:
    limits = (("max_user_instances", host.instances, INSTANCES), ("max_user_watches", host.watches, WATCHES))
    for name, value, required in limits:
        if 0 < value < required:
            yield HostIssue(f"fs.inotify.{name} is {value}", f"`sudo sysctl fs.inotify.{name}={required}`")


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
