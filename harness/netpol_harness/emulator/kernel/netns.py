"""Sandboxes: a pod is a network, a mount and a UTS namespace, held by descriptors alone.

There is no process per pod and no bind mount. When the descriptors are closed, everything in the pod is gone. A thread
enters a sandbox for one synchronous stretch of code, and returns to its home namespaces before any other code runs on
it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

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
    "net/ipv4/icmp_ratemask": "0",  # every refused probe gets its ICMP error, however many there are
    "net/ipv4/ip_unprivileged_port_start": "0",  # as containerd sets it
    "net/ipv4/tcp_rto_max_ms": "1000",  # an open connection soon notices that packets pass again,
    "net/ipv4/tcp_retries2": "255",  # and does not give up for minutes
}
IPV6_SYSCTLS: Final = {
    "net/ipv6/conf/all/disable_ipv6": "0",  # some hosts begin without
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv6/icmp/ratemask": "\n",  # no kind of error counts for the limit of the whole host either
}
"""What a network with IPv6 needs in addition."""

_NAME_SERVICE = "passwd: files\ngroup: files\nhosts: files dns\n"
_SYSTEM_FILES = Mount.NOSUID | Mount.NODEV | Mount.NOEXEC
_CACHES = ("/run/nscd",)  # a name service cache would answer with the host's view


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Descriptors of one network, one mount and one UTS namespace."""

    net: int
    mount: int
    uts: int

    @classmethod
    def current(cls) -> "Namespaces":
        """Return the namespaces of the calling thread."""
        return cls(*(_open(kind) for kind in ("net", "mnt", "uts")))

    def enter(self) -> None:
        """Move the calling thread in. Its root and working directory become ``/`` of the mount namespace."""
        unshare(Clone.FILESYSTEM)
        setns(self.mount, Clone.MOUNT)
        setns(self.net, Clone.NET)
        setns(self.uts, Clone.UTS)

    def duplicate(self) -> "Namespaces":
        """Return new descriptors of the same namespaces; the caller closes them separately."""
        return Namespaces(os.dup(self.net), os.dup(self.mount), os.dup(self.uts))

    def close(self) -> None:
        """Close the descriptors. A namespace that no process and no socket uses vanishes."""
        for descriptor in (self.net, self.mount, self.uts):
            os.close(descriptor)


@contextmanager
def in_network(there: int, home: int) -> Iterator[None]:
    """Move the calling thread into the network behind ``there`` while the block runs. Never await inside."""
    setns(there, Clone.NET)
    try:
        yield
    finally:
        setns(home, Clone.NET)


def read_only_view(home: Namespaces) -> tuple[int, bool]:
    """Create a mount namespace with all of the host's files, read-only and nosuid: the base of every sandbox.

    Return its descriptor, and whether it also has busybox's tools (``applets``).
    """
    unshare(Clone.FILESYSTEM | Clone.MOUNT)
    try:
        mount("none", "/", flags=Mount.RECURSIVE | Mount.PRIVATE)
        read_only_without_setuid("/")
        for path in filter(os.path.isdir, _CACHES):
            mount("tmpfs", path, "tmpfs", Mount.NOSUID | Mount.NODEV, "size=4k")
        provided = applets.create_links()
        return _open("mnt"), provided
    finally:
        home.enter()


@dataclass(frozen=True, slots=True)
class Contents:
    """What the processes in a sandbox see.

    ``hostname`` is its host name. ``files`` maps paths to text and applies to paths that the host has. ``hidden`` names
    programs to take away. The group ``group`` may open ICMP sockets.
    """

    hostname: str
    files: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    group: int = 0


def create(
    home: Namespaces,
    view: int,
    contents: Contents,
    network: int | None = None,
    sysctls: Mapping[str, str] = MappingProxyType({}),
) -> Namespaces:
    """Create a sandbox on top of ``view``, which shares the network behind the descriptor ``network`` if there is one.

    ``sysctls`` are for a new network, besides those of every sandbox.

    Raises ``OSError`` with the name of the system call. The calling thread is back in ``home`` in any case.
    """
    unshare(Clone.FILESYSTEM)
    try:
        if network is None:
            unshare(Clone.NET | Clone.UTS)
            write_sysctls({**_SYSCTLS, **sysctls, "net/ipv4/ping_group_range": f"{contents.group} {contents.group}"})
        else:
            unshare(Clone.UTS)
            setns(network, Clone.NET)
        setns(view, Clone.MOUNT)
        unshare(Clone.MOUNT)
        sethostname(contents.hostname)
        _mount_contents(contents)
        return Namespaces.current()
    finally:
        home.enter()


def create_for_container(home: Namespaces, view: int, sandbox: Namespaces, contents: Contents) -> Namespaces:
    """Create another file system on top of ``view``, for processes that share the sandbox's network and host name.

    Raises ``OSError`` with the name of the system call. The calling thread is back in ``home`` in any case.
    """
    unshare(Clone.FILESYSTEM)
    try:
        setns(sandbox.net, Clone.NET)
        setns(sandbox.uts, Clone.UTS)
        setns(view, Clone.MOUNT)
        unshare(Clone.MOUNT)
        _mount_contents(contents)
        return Namespaces.current()
    finally:
        home.enter()


def create_for_agent(home: Namespaces, view: int, network: int, files: Mapping[str, str], program: str) -> Namespaces:
    """Create a file system on top of ``view`` for a program in the network behind a descriptor, which it manages.

    It has a /proc and a /sys of its own, empty /run and /tmp, and the ``files`` there, by their paths. The file
    ``program`` is where it was, even if that is in /tmp.

    Raises ``OSError`` with the name of the system call. The calling thread is back in ``home`` in any case.
    """
    unshare(Clone.FILESYSTEM)
    try:
        setns(network, Clone.NET)
        setns(view, Clone.MOUNT)
        unshare(Clone.MOUNT)
        mount("proc", "/proc", "proc", _SYSTEM_FILES)
        mount("sysfs", "/sys", "sysfs", _SYSTEM_FILES)
        executable = os.open(program, os.O_PATH)
        for directory in dict.fromkeys(os.path.realpath(path) for path in ("/tmp", "/run", "/var/run")):
            mount("tmpfs", directory, "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755,size=64m")
        for path, text in files.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text)
        _uncover(program, executable)
        return Namespaces.current()
    finally:
        home.enter()


def _uncover(path: str, descriptor: int) -> None:
    """Show an open file at its path again if a mount has covered it. Close the descriptor."""
    if not Path(path).exists():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
        mount(f"/proc/self/fd/{descriptor}", path, flags=Mount.BIND)
    os.close(descriptor)


def create_network(home: Namespaces, sysctls: Mapping[str, str] = MappingProxyType({})) -> int:
    """Create an empty network namespace with these sysctls, besides those of every sandbox."""
    unshare(Clone.NET)
    try:
        write_sysctls({**_SYSCTLS, **sysctls})
        return _open("net")
    finally:
        setns(home.net, Clone.NET)


def write_sysctls(settings: Mapping[str, str]) -> None:
    """Write sysctls of the calling thread's network, as far as /proc/sys is writable. None is essential."""
    for name, value in settings.items():
        with suppress(OSError):
            Path("/proc/sys", name).write_text(value)


def forward_ipv6() -> None:
    """Let the calling thread's network forward IPv6 packets.

    Raises ``OSError`` if the kernel has no IPv6, or /proc/sys is not writable: there is no other way.
    """
    Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")


def _mount_contents(contents: Contents) -> None:
    """Mount a private /tmp and the sandbox's own files, all on one small file system.

    Its subdirectory ``tmp`` covers its root in the end.
    """
    mount("tmpfs", "/tmp", "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755,size=64m")
    private = Path("/tmp/tmp")
    private.mkdir()
    private.chmod(0o1777)
    files = {"/etc/nsswitch.conf": _NAME_SERVICE, **contents.files}
    for number, (path, text) in enumerate(files.items()):
        if Path(path).exists():
            Path(f"/tmp/{number}").write_text(text)
            mount(f"/tmp/{number}", path, flags=Mount.BIND)
    for program in {Path(path, name).resolve() for name in contents.hidden for path in SEARCH_PATH.split(":")}:
        if program.exists():
            mount("/dev/null", str(program), flags=Mount.BIND)
    mount("/tmp/tmp", "/tmp", flags=Mount.BIND)


def _open(kind: str) -> int:
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
