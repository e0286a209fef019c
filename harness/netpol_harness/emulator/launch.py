"""From an ordinary process to a cluster in namespaces of its own, and what ends it.

Two processes. The outer one binds the API's address in the host's network, takes new namespaces (network, mount, UTS,
process ids; a user namespace too where it lacks the right otherwise), forks, and waits. The inner one is process 1 of
its own process tree and is the daemon. Invariant: nothing outlives either of them. The inner dies with the outer
(PR_SET_PDEATHSIG), everything else with the inner (pid_namespaces(7)). Nobody ends the daemon by a *signal*: it ignores
those, and cannot be harmed by its pods. To end it the outer closes a pipe, the owner its lifeline; the one signal that
it hears, passed on by the outer, restarts its policy agent.

The interpreter is forked, not started a second time, and the outer imports next to nothing: both save start-up time.
"""

import errno
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from netpol_harness.emulator.kernel.syscalls import Clone, Mount, die_with_parent, mount, unshare
from netpol_harness.emulator.options import RESTART_AGENT, EmulatorOptions, Inherited
from netpol_harness.errors import ClusterFailed, LabError

_OWN = Clone.NET | Clone.MOUNT | Clone.UTS | Clone.PID
_PATIENCE = 5  # seconds between asking the daemon to end and killing it
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_REMEDY = (
    "run as root, or let ordinary users make user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0); in a container add --privileged, or "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
)


def launch(options: EmulatorOptions) -> int:
    """Run the cluster until it is ended from outside; the exit code. Raises ``ClusterFailed`` where it cannot start."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        owner = [] if options.lifeline is None else [_open_lifeline(options.lifeline)]
        privileged = isolate()
        life, keep = os.pipe()
        told, announce = os.pipe()
        daemon = os.fork()
        if daemon == 0:
            os.close(keep)
            _become_daemon(options, Inherited(listener, [life, *owner], announce, privileged))
    for descriptor in (life, announce, *owner):
        os.close(descriptor)
    return _attend(daemon, keep, told, options)


def isolate() -> bool:
    """Take new namespaces for this process and its children. Whether this was done with real root rights.

    Raises ``ClusterFailed`` with errno and remedy.
    """
    try:
        unshare(_OWN)
        return True
    except OSError as problem:
        if problem.errno != errno.EPERM:
            raise _cannot(problem) from problem
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(_OWN | Clone.USER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    except OSError as problem:
        raise _cannot(problem) from problem
    return False


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, f"write {path}") from problem


def _become_daemon(options: EmulatorOptions, inherited: Inherited) -> NoReturn:
    """Process 1 of the new process tree: be the daemon, then end with its exit code."""
    code = 1
    try:
        die_with_parent(signal.SIGKILL)
        for number in (*_ENDING, RESTART_AGENT):
            signal.signal(number, signal.SIG_IGN)
        _own_mounts()
        from netpol_harness.emulator import daemon  # here, so that the outer process stays small

        daemon.run(options, inherited)
        code = 0
    except LabError as problem:
        complain(problem)
        code = 2
    except Exception:  # noqa: BLE001 a fork must not return into its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _own_mounts() -> None:
    """Keep our mounts from the host, and show this tree's processes in /proc where the container allows."""
    mount("none", "/", flags=Mount.RECURSIVE | Mount.PRIVATE)
    with suppress(OSError):
        mount("proc", "/proc", "proc", Mount.NOSUID | Mount.NODEV | Mount.NOEXEC)


def _attend(daemon: int, keep: int, told: int, options: EmulatorOptions) -> int:
    """Announce the daemon's readiness, pass on the wish to end it, wait for its end and tidy up; the exit code."""
    asked: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        if not asked:
            os.close(keep)
            signal.alarm(_PATIENCE)
        asked.append(number)

    signal.signal(signal.SIGALRM, lambda *_: os.kill(daemon, signal.SIGKILL))
    signal.signal(RESTART_AGENT, lambda *_: os.kill(daemon, RESTART_AGENT))
    for number in _ENDING:
        signal.signal(number, end)
    ready = os.read(told, 1)
    if ready:
        _announce(options)
    code = os.waitstatus_to_exitcode(os.waitpid(daemon, 0)[1])
    if ready:
        options.kubeconfig.unlink(missing_ok=True)
    if not asked and code == 0:
        _inherit(options)
    if code < 0 and not asked:
        complain(ClusterFailed(f"cluster {options.name} was killed by {signal.Signals(-code).name}"))
        return 128 - code
    return max(code, 0)


def _inherit(options: EmulatorOptions) -> None:
    """The owner has died: its folder, told by the lifeline in it, is nobody's now and goes with the cluster."""
    if options.lifeline is not None and options.directory == options.lifeline.parent:
        from shutil import rmtree  # here, since it is rarely needed and costs the start-up 5 ms

        rmtree(options.directory, ignore_errors=True)


def _announce(options: EmulatorOptions) -> None:
    if options.ready is not None:
        os.write(options.ready, b"ready\n")
    if sys.stdout.isatty():
        sys.stdout.write(f"export KUBECONFIG={options.kubeconfig.absolute()}\n")
        sys.stdout.write(f"Cluster {options.name} runs until Ctrl-C.\n")
        sys.stdout.flush()


def complain(problem: LabError) -> None:
    """Tell the user in one line."""
    sys.stderr.write(f"netpol embedded cluster: {problem}\n")


def _open_lifeline(path: Path) -> int:
    """A descriptor that reads end of file when the last of the FIFO's holders is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        held = os.read(descriptor, 1) != b""
    except BlockingIOError:
        held = True
    except OSError as problem:
        raise ClusterFailed(f"cannot open the lifeline {path}: {problem.strerror}; make it with mkfifo") from problem
    if not held:
        raise ClusterFailed(f"nobody holds the lifeline {path}: open it (O_RDWR) before the cluster starts")
    return descriptor


def _cannot(problem: OSError) -> ClusterFailed:
    name = errno.errorcode.get(problem.errno or 0, "?")
    remedy = _REMEDY
    if problem.errno == errno.ENOSPC:
        remedy = "raise the limits user.max_*_namespaces (sysctl), or end other clusters"
    reason = f"{problem.filename}: {name} {problem.strerror}"
    return ClusterFailed(f"the kernel refuses namespaces of our own ({reason}); {remedy}")
