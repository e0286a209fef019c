"""Which containers really run programs of the host, and which programs: by image and command. Pure.

Images are not available. Those of shells and clients are run, because their programs are common ones that the host has
too. A container of any other image is a stand-in that serves its ports, unless its command is such a program and it
declares no port: that is a debugging pod made from a server's image. A shell script that calls any other program is
that of a server or a batch job, and its container is a stand-in. A program that should run and is missing fails the
container.

Ports that a running container declares are served by a stand-in as well, unless its program may listen itself.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from netpol_harness.emulator.kubelet.scripts import only_command, programs

Container = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _ToolImage:
    """An image of tools: what it runs without a command (empty: it serves), and the program that its
    arguments are for.
    """

    default: tuple[str, ...] = ("sh",)
    entrypoint: tuple[str, ...] = ()


_SH, _BASH = _ToolImage(), _ToolImage(("bash",))
_TOOLS: Mapping[str, _ToolImage] = MappingProxyType(
    {
        **dict.fromkeys(
            ("busybox", "busyboxplus", "alpine", "netshoot", "dnsutils", "jessie-dnsutils", "toolbox"), _SH
        ),
        **dict.fromkeys(("bash", "ubuntu", "debian", "fedora", "centos", "rockylinux", "almalinux"), _BASH),
        **dict.fromkeys(("curl", "alpine-curl"), _ToolImage(("curl",), ("curl",))),
        **dict.fromkeys(("network-multitool", "multitool"), _ToolImage(())),
    }
)
"""The images of tools, by name without registry and tag."""

# fmt: off
_PROGRAMS = frozenset(
    {
        "sh", "bash", "ash", "dash", "curl", "wget", "nc", "ncat", "netcat", "telnet", "ping", "ping6", "dig",
        "host", "nslookup", "getent", "echo", "printf", "cat", "head", "tail", "ls", "ps", "ip", "ss", "id",
        "env", "date", "hostname", "sleep", "seq", "test", "true", "false", "timeout", "time", "watch", "yes",
        "uname"
    }
)
# fmt: on
"""The programs that run from any image: shells, clients, and what goes with them."""

# fmt: off
_FILE_PROGRAMS = frozenset(
    {
        "awk", "base64", "basename", "chmod", "chown", "cp", "cut", "dirname", "find", "grep", "ln", "mkdir", "mktemp",
        "mv", "rm", "sed", "sort", "stat", "sync", "tar", "tee", "touch", "tr", "uniq", "wc", "xargs"
    }
)
# fmt: on
"""Further programs that the scripts of any image may call."""

_SCRIPT_FLAG = re.compile(r"-[a-z]*c")

_LISTENERS = re.compile(
    r"(?:^|[\s/;&|(])(?:nc|ncat|netcat|socat|httpd|python\d*|perl|ruby|node|nginx|iperf3?)(?:[\s\d.]|$)"
)
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)")


def image_name(container: Container) -> str:
    """Return the image's name without registry and tag."""
    return str(container.get("image", "")).rpartition("/")[2].partition("@")[0].partition(":")[0]


def program(container: Container) -> tuple[str, ...]:
    """Return the command that the container really runs; empty for stand-ins."""
    words = (*(container.get("command") or ()), *(container.get("args") or ()))
    tools = _TOOLS.get(image_name(container))
    if tools is not None:
        return _of_tools(container, tools)
    if not words or not _is_common(words[0]):
        return ()
    if "agnhost" in container.get("image", ""):
        return () if test_server(container) else words
    return words if not container.get("ports") and _is_feasible(words) else ()


def test_server(container: Container) -> tuple[str, ...]:
    """Return the subcommand of agnhost and its flags that the container runs, if it runs agnhost; else empty.

    A manifest may name the program or not, and may call it in a shell: ``bash -c "/agnhost netexec"``.
    """
    words = (*(container.get("command") or ()), *(container.get("args") or ()))
    if len(words) > 2 and _SCRIPT_FLAG.fullmatch(words[1]) and _is_common(words[0]):
        words = only_command(_REFERENCE.sub(lambda reference: reference[1] or reference[0], words[2]))
    if words and words[0].rpartition("/")[2] == "agnhost":
        return words[1:]
    is_entry_point = "agnhost" in container.get("image", "") and not container.get("command")
    return words if is_entry_point and words and not _is_common(words[0]) else ()


def is_tool_image(container: Container) -> bool:
    """Return whether the image is one of shells and clients."""
    return image_name(container) in _TOOLS


def may_listen(container: Container) -> bool:
    """Return whether the container's program may open ports itself."""
    return any(_LISTENERS.search(word) for word in program(container))


def expand_references(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Replace ``$(NAME)`` if the environment has it, and ``$$`` by ``$``, as the kubelet does."""

    def replacement(match: re.Match[str]) -> str:
        return environment.get(match[1], match[0]) if match[1] else "$"

    return tuple(_REFERENCE.sub(replacement, word) for word in words)


def _of_tools(container: Container, tools: _ToolImage) -> tuple[str, ...]:
    command, args = tuple(container.get("command") or ()), tuple(container.get("args") or ())
    if command:
        return (*command, *args)
    if args:
        return args if _is_common(args[0]) else (*tools.entrypoint, *args)
    return () if container.get("ports") else tools.default


def called_programs(words: Sequence[str]) -> frozenset[str]:
    """Return the names of the programs that a command calls: those of its shell script, or else the first word."""
    flags = [index for index, word in enumerate(words[1:-1], 1) if _SCRIPT_FLAG.fullmatch(word)]
    return programs(words[flags[0] + 1] if flags else shlex.join(words))


def are_common(names: frozenset[str]) -> bool:
    """Return whether every host has these programs."""
    return names <= _PROGRAMS | _FILE_PROGRAMS


def _is_feasible(words: Sequence[str]) -> bool:
    """Return whether the command is not a shell script, or one that calls common programs only."""
    return are_common(called_programs(words))


def _is_common(word: str) -> bool:
    return word.rpartition("/")[2] in _PROGRAMS
