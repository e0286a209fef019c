"""From an ordinary process to a cluster in its own namespaces, and its end.

There are two processes. The outer one binds the API's address in the host's network, creates new namespaces (network,
mount, UTS, process ids; also a user namespace if it lacks the privilege otherwise), forks, and waits. The inner one is
process 1 of its own process tree and becomes the daemon. Invariant: nothing outlives either of them. The inner one dies
with the outer one (PR_SET_PDEATHSIG), everything else with the inner one (pid_namespaces(7)). No *signal* ends the
daemon: it ignores them, so its pods cannot harm it. The outer process ends it by closing a pipe, the owner by its
lifeline. The only signal that it handles, forwarded by the outer process, restarts its policy agent.

The interpreter is forked, not started a second time, and the outer process imports very little: both save start-up
time.
"""

import errno
import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from netpol_harness.emulator.kernel.syscalls import Clone, Mount, die_with_parent, mount, unshare
from netpol_harness.emulator.options import RESTART_AGENT, DaemonHandles, EmulatorOptions
from netpol_harness.errors import ClusterFailed, LabError
from netpol_harness.ip_family import IpFamily

_NAMESPACES = Clone.NET | Clone.MOUNT | Clone.UTS | Clone.PID
_PATIENCE = 5  # seconds between asking the daemon to end and killing it
_COLLECT_AFTER = (10_000, 20, 20)  # new objects, and collections of the younger generations: much more than by default
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_REMEDY = (
    "run as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0); in a container add --privileged, or "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
)


def launch(options: EmulatorOptions) -> int:
    """Run the cluster until it is ended from outside and return its exit code. Raises ``ClusterFailed`` if it cannot
    start.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        lifelines = [] if options.lifeline is None else [_open_lifeline(options.lifeline)]
        privileged = isolate()
        lifeline, lifeline_holder = os.pipe()
        ready_reader, ready_writer = os.pipe()
        daemon = os.fork()
        if daemon == 0:
            os.close(lifeline_holder)
            _become_daemon(options, DaemonHandles(listener, [lifeline, *lifelines], ready_writer, privileged))
    for descriptor in (lifeline, ready_writer, *lifelines):
        os.close(descriptor)
    return _supervise(daemon, lifeline_holder, ready_reader, options)


def isolate() -> bool:
    """Move this process and its children into new namespaces. Return whether it had real root privileges.

    Raises ``ClusterFailed`` with errno and remedy.
    """
    try:
        unshare(_NAMESPACES)
        return True
    except OSError as problem:
        if problem.errno != errno.EPERM:
            raise _namespaces_refused(problem) from problem
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(_NAMESPACES | Clone.USER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    except OSError as problem:
        raise _namespaces_refused(problem) from problem
    return False


def check_namespaces(family: IpFamily) -> None:
    """Move this process into new namespaces, and try IPv6 there if the family has it. Raises ``ClusterFailed``."""
    isolate()
    if 6 not in family.versions:
        return
    child = os.fork()
    if child == 0:
        _try_ipv6()
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        name = errno.errorcode.get(code, str(code))
        raise ClusterFailed(
            f"there is no IPv6 here: a new network cannot forward it ({name}); give --netpol-ip-family ipv4, or run "
            "on a kernel with IPv6, and in a container with --privileged or --security-opt systempaths=unconfined"
        )


def _try_ipv6() -> NoReturn:
    """End as process 1 of a new process tree, with 0 or the error's number."""
    code = 1
    try:
        _isolate_mounts()
        from netpol_harness.emulator.kernel.netns import forward_ipv6  # imported here because it is rarely needed

        forward_ipv6()
        code = 0
    except OSError as problem:
        code = problem.errno or 1
    finally:
        os._exit(code)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, f"write {path}") from problem


def _become_daemon(options: EmulatorOptions, handles: DaemonHandles) -> NoReturn:
    """Run the daemon as process 1 of the new process tree, then end with its exit code."""
    code = 1
    try:
        die_with_parent(signal.SIGKILL)
        for number in (*_ENDING, RESTART_AGENT):
            signal.signal(number, signal.SIG_IGN)
        _isolate_mounts()
        with _without_certificate_authorities():
            gc.disable()
            from netpol_harness.emulator import daemon  # imported here so that the outer process stays small

        gc.freeze()  # the modules last as long as the process: no collection needs to look at them
        gc.set_threshold(*_COLLECT_AFTER)
        gc.enable()
        daemon.run(options, handles)
        code = 0
    except LabError as problem:
        print_problem(problem)
        code = 2
    except Exception:  # noqa: BLE001 a fork must not return into its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def _without_certificate_authorities() -> Iterator[None]:
    """Let OpenSSL find no certificate authorities inside the context.

    aiohttp reads those of the host when it is imported, which takes 50 ms. No client of the daemon verifies a server.
    """
    places = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    before = {name: os.environ.get(name) for name in places}
    os.environ.update(dict.fromkeys(places, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})


def _isolate_mounts() -> None:
    """Hide our mounts from the host, and show this tree's processes in /proc if the container allows it."""
    mount("none", "/", flags=Mount.RECURSIVE | Mount.PRIVATE)
    with suppress(OSError):
        mount("proc", "/proc", "proc", Mount.NOSUID | Mount.NODEV | Mount.NOEXEC)


def _supervise(daemon: int, lifeline_holder: int, ready_reader: int, options: EmulatorOptions) -> int:
    """Announce the daemon's readiness, forward requests to end it, wait for its end and clean up. Return
    the exit code.
    """
    end_signals: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        if not end_signals:
            os.close(lifeline_holder)
            signal.alarm(_PATIENCE)
        end_signals.append(number)

    signal.signal(signal.SIGALRM, lambda *_: os.kill(daemon, signal.SIGKILL))
    signal.signal(RESTART_AGENT, lambda *_: os.kill(daemon, RESTART_AGENT))
    for number in _ENDING:
        signal.signal(number, end)
    ready = os.read(ready_reader, 1)
    if ready:
        _announce(options)
    code = os.waitstatus_to_exitcode(os.waitpid(daemon, 0)[1])
    if ready:
        options.kubeconfig.unlink(missing_ok=True)
    if not end_signals and code == 0:
        _remove_owner_directory(options)
    if code < 0 and not end_signals:
        print_problem(ClusterFailed(f"cluster {options.name} was killed by {signal.Signals(-code).name}"))
        return 128 - code
    return max(code, 0)


def _remove_owner_directory(options: EmulatorOptions) -> None:
    """Remove the owner's directory, which contains the lifeline: the owner has died."""
    if options.lifeline is not None and options.directory == options.lifeline.parent:
        from shutil import rmtree  # imported here because it is rarely needed and costs 5 ms at start-up

        rmtree(options.directory, ignore_errors=True)


def _announce(options: EmulatorOptions) -> None:
    if options.ready is not None:
        os.write(options.ready, b"ready\n")
    if sys.stdout.isatty():
        sys.stdout.write(f"export KUBECONFIG={options.kubeconfig.absolute()}\n")
        sys.stdout.write(f"Cluster {options.name} runs until Ctrl-C.\n")
        sys.stdout.flush()


def print_problem(problem: LabError) -> None:
    """Print the problem for the user, in one line."""
    sys.stderr.write(f"netpol embedded cluster: {problem}\n")


def _open_lifeline(path: Path) -> int:
    """Return a descriptor that reads end of file when the last holder of the FIFO has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        is_held = os.read(descriptor, 1) != b""
    except BlockingIOError:
        is_held = True
    except OSError as problem:
        raise ClusterFailed(f"cannot open the lifeline {path}: {problem.strerror}; make it with mkfifo") from problem
    if not is_held:
        raise ClusterFailed(f"no process holds the lifeline {path}: open it (O_RDWR) before the cluster starts")
    return descriptor


def _namespaces_refused(problem: OSError) -> ClusterFailed:
    name = errno.errorcode.get(problem.errno or 0, "?")
    remedy = _REMEDY
    if problem.errno == errno.ENOSPC:
        remedy = "raise the limits user.max_*_namespaces (sysctl), or stop other clusters"
    reason = f"{problem.filename}: {name} {problem.strerror}"
    return ClusterFailed(f"the kernel refuses new namespaces ({reason}); {remedy}")
