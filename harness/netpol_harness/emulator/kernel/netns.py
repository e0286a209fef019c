"""Sandboxes: a pod is a network, a mount and a UTS namespace, held by descriptors and by nothing else.

No process per pod and no bind mount: close the descriptors and everything in the pod is gone. A thread visits a
sandbox for one synchronous stretch of code and comes home before anything else runs on it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from netpol_harness.emulator.kernel import applets
from netpol_harness.emulator.kernel.syscalls import (
    Clone,
    Mount,
    mount,
    read_only_without_setuid,
    sethostname,
    setns,
    unshare,
)
from netpol_harness.emulator.pod import SEARCH_PATH

_SYSCTLS = {
    "net/ipv4/icmp_ratemask": "0",  # a refused probe is told so, however many there are
    "net/ipv4/ip_unprivileged_port_start": "0",  # as containerd sets it
    "net/ipv4/tcp_rto_max_ms": "1000",  # an open connection soon notices that it may speak again,
    "net/ipv4/tcp_retries2": "255",  # and does not give up for minutes
}
_NAME_SERVICE = "passwd: files\ngroup: files\nhosts: files dns\n"
_CACHES = ("/run/nscd",)  # a name service cache would answer with the host's view


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Descriptors of one network, mount and UTS namespace."""

    net: int
    mount: int
    uts: int

    @classmethod
    def current(cls) -> "Namespaces":
        """Those of the calling thread."""
        return cls(*(_open(kind) for kind in ("net", "mnt", "uts")))

    def enter(self) -> None:
        """Move the calling thread in; its root and working directory become ``/`` of the mount namespace."""
        unshare(Clone.FILESYSTEM)
        setns(self.mount, Clone.MOUNT)
        setns(self.net, Clone.NET)
        setns(self.uts, Clone.UTS)

    def duplicate(self) -> "Namespaces":
        """Descriptors of the same namespaces, to be closed on their own."""
        return Namespaces(os.dup(self.net), os.dup(self.mount), os.dup(self.uts))

    def close(self) -> None:
        """Let go of them; what no process or socket uses vanishes."""
        for descriptor in (self.net, self.mount, self.uts):
            os.close(descriptor)


@contextmanager
def in_network(there: int, home: int) -> Iterator[None]:
    """Have the calling thread in the network behind ``there`` for as long as the block runs. Never await inside."""
    setns(there, Clone.NET)
    try:
        yield
    finally:
        setns(home, Clone.NET)


def read_only_view(home: Namespaces) -> tuple[int, bool]:
    """A mount namespace with all of the host's files, read-only and nosuid: what every sandbox starts from.

    And whether it has busybox's tools besides (``applets``).
    """
    unshare(Clone.FILESYSTEM | Clone.MOUNT)
    try:
        mount("none", "/", flags=Mount.RECURSIVE | Mount.PRIVATE)
        read_only_without_setuid("/")
        for path in filter(os.path.isdir, _CACHES):
            mount("tmpfs", path, "tmpfs", Mount.NOSUID | Mount.NODEV, "size=4k")
        provided = applets.provide()
        return _open("mnt"), provided
    finally:
        home.enter()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a sandbox shows its processes: host name, ``files`` (path to text, where the host has such a path), and
    ``hidden``, names of programs to take away. ``group`` may open ICMP sockets.
    """

    hostname: str
    files: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    group: int = 0


def create(home: Namespaces, view: int, contents: Contents, new: Clone = Clone.NET | Clone.UTS) -> Namespaces:
    """A sandbox on top of ``view``; without ``Clone.NET`` in ``new`` it shares the network of ``home``.

    Raises ``OSError`` naming the system call; the calling thread is at home in any case.
    """
    unshare(Clone.FILESYSTEM)
    try:
        unshare(new)
        if Clone.NET in new:
            tune({**_SYSCTLS, "net/ipv4/ping_group_range": f"{contents.group} {contents.group}"})
        setns(view, Clone.MOUNT)
        unshare(Clone.MOUNT)
        sethostname(contents.hostname)
        _furnish(contents)
        return Namespaces.current()
    finally:
        home.enter()


def beside(home: Namespaces, view: int, sandbox: Namespaces, contents: Contents) -> Namespaces:
    """Another file system, on top of ``view``, for processes that share the network and the host name of ``sandbox``.

    Raises ``OSError`` naming the system call; the calling thread is at home in any case.
    """
    unshare(Clone.FILESYSTEM)
    try:
        setns(sandbox.net, Clone.NET)
        setns(sandbox.uts, Clone.UTS)
        setns(view, Clone.MOUNT)
        unshare(Clone.MOUNT)
        _furnish(contents)
        return Namespaces.current()
    finally:
        home.enter()


def network(home: Namespaces) -> int:
    """A new, empty network namespace."""
    unshare(Clone.NET)
    try:
        tune(_SYSCTLS)
        return _open("net")
    finally:
        setns(home.net, Clone.NET)


def tune(settings: Mapping[str, str]) -> None:
    """Write sysctls of the network that the calling thread is in, where /proc/sys is writable; none is essential."""
    for name, value in settings.items():
        with suppress(OSError):
            Path("/proc/sys", name).write_text(value)


def _furnish(contents: Contents) -> None:
    """Private /tmp and own files, all on one small file system: its subdirectory ``tmp`` finally covers its root."""
    mount("tmpfs", "/tmp", "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755,size=64m")
    shown = Path("/tmp/tmp")
    shown.mkdir()
    shown.chmod(0o1777)
    files = {"/etc/nsswitch.conf": _NAME_SERVICE, **contents.files}
    for number, (path, text) in enumerate(files.items()):
        if Path(path).exists():
            Path(f"/tmp/{number}").write_text(text)
            mount(f"/tmp/{number}", path, flags=Mount.BIND)
    for program in {Path(place, name).resolve() for name in contents.hidden for place in SEARCH_PATH.split(":")}:
        if program.exists():
            mount("/dev/null", str(program), flags=Mount.BIND)
    mount("/tmp/tmp", "/tmp", flags=Mount.BIND)


def _open(kind: str) -> int:
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
