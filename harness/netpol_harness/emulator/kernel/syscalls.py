"""System calls that Python 3.11 does not offer: namespaces, mounts, and the privileges of a single thread.

Invariant: every function acts on the *calling thread* alone, because namespaces, root directory and credentials belong
to a thread: see namespaces(7) and credentials(7). Each raises ``OSError`` with errno and the name of the call.
"""

import ctypes
import os
from enum import IntFlag

_libc = ctypes.CDLL(None, use_errno=True)


class Clone(IntFlag):
    """Flags of unshare(2) and setns(2): which namespaces are meant."""

    FILESYSTEM = 0x00000200
    MOUNT = 0x00020000
    UTS = 0x04000000
    USER = 0x10000000
    PID = 0x20000000
    NET = 0x40000000


class Mount(IntFlag):
    """Flags of mount(2)."""

    NOSUID = 1 << 1
    NODEV = 1 << 2
    NOEXEC = 1 << 3
    BIND = 1 << 12
    RECURSIVE = 1 << 14
    PRIVATE = 1 << 18


def unshare(what: Clone) -> None:
    """Give the calling thread new namespaces. ``PID`` takes effect for its children."""
    _check("unshare", _libc.unshare(int(what)))


def setns(descriptor: int, what: Clone) -> None:
    """Move the calling thread into the namespace behind ``descriptor``.

    A mount namespace needs a thread with its own root directory: call ``unshare(Clone.FILESYSTEM)`` first.
    """
    _check("setns", _libc.setns(descriptor, int(what)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Call mount(2). ``kind`` is the file system type, ``flags`` are ``Mount`` flags."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check(f"mount {target}", result)


def read_only_without_setuid(target: str) -> None:
    """Make the mount at ``target`` and all below it read-only and nosuid (mount_setattr(2), Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    here = ctypes.c_int(_AT_FDCWD)
    result = _libc.syscall(
        _MOUNT_SETATTR, here, target.encode(), _AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )
    _check("mount_setattr", result)


def sethostname(name: str) -> None:
    """Set the host name of the calling thread's UTS namespace."""
    _check("sethostname", _libc.sethostname(name.encode(), len(name.encode())))


def die_with_parent(signal: int) -> None:
    """Have the kernel send ``signal`` to this process when the thread that forked it ends (PR_SET_PDEATHSIG)."""
    _check("prctl", _libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def drop_privileges(user: int | None) -> None:
    """Take every capability from the calling thread for good, also across exec, and make it ``user`` if given.

    Only for threads that end soon: there is no way back. The C library's own setuid would change the whole process.
    """
    _check("prctl", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    if user is not None:
        calls = _CREDENTIAL_CALLS[os.uname().machine]
        _check("setgroups", _libc.syscall(calls["setgroups"], 0, None))
        _check("setresgid", _libc.syscall(calls["setresgid"], user, user, user))
        _check("setresuid", _libc.syscall(calls["setresuid"], user, user, user))
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _check("capset", _libc.capset(ctypes.byref(header), ctypes.byref(none)))


def _check(call: str, result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)


_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID = 0x1, 0x2
_MOUNT_SETATTR = 442  # the same number on every architecture
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_CAPABILITY_VERSION_3 = 0x20080522
_CREDENTIAL_CALLS = {
    "x86_64": {"setgroups": 116, "setresuid": 117, "setresgid": 119},
    "aarch64": {"setgroups": 159, "setresuid": 147, "setresgid": 149},
}
