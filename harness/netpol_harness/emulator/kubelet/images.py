"""Which containers really run, with the host's programs, and what: by image and command. Pure.

Images are not there. Those of shells and clients are run: their programs are common ones, which the host has too. Of
all other images a container is a stand-in that serves its ports, unless its command is such a program and it declares
no port: a debugging pod made from a server's image. A program that is to run and is not there fails the container.

Ports that a running container declares are served by a stand-in all the same, unless its program may itself listen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Container = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Tools:
    """An image of tools: what it runs where nothing is said (nothing: it serves), and what its arguments are for."""

    default: tuple[str, ...] = ("sh",)
    entrypoint: tuple[str, ...] = ()


_SH, _BASH = _Tools(), _Tools(("bash",))
_TOOLS: Mapping[str, _Tools] = MappingProxyType(
    {
        **dict.fromkeys(
            ("busybox", "busyboxplus", "alpine", "netshoot", "dnsutils", "jessie-dnsutils", "toolbox"), _SH
        ),
        **dict.fromkeys(("bash", "ubuntu", "debian", "fedora", "centos", "rockylinux", "almalinux"), _BASH),
        **dict.fromkeys(("curl", "alpine-curl"), _Tools(("curl",), ("curl",))),
        **dict.fromkeys(("network-multitool", "multitool"), _Tools(())),
    }
)
"""By the image's name without registry and tag."""

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
"""What is run from any image: shells, clients, and what goes with them."""

_LISTENERS = re.compile(
    r"(?:^|[\s/;&|(])(?:nc|ncat|netcat|socat|httpd|python\d*|perl|ruby|node|nginx|iperf3?)(?:[\s\d.]|$)"
)
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)")


def name_of(container: Container) -> str:
    """The image's name without registry and tag."""
    return str(container.get("image", "")).rpartition("/")[2].partition("@")[0].partition(":")[0]


def program(container: Container) -> tuple[str, ...]:
    """What the container really runs; empty for stand-ins."""
    words = (*(container.get("command") or ()), *(container.get("args") or ()))
    tools = _TOOLS.get(name_of(container))
    if tools is not None:
        return _of_tools(container, tools)
    is_server = "agnhost" not in container.get("image", "") and container.get("ports")
    return words if words and _is_common(words[0]) and not is_server else ()


def is_of_tools(container: Container) -> bool:
    """Whether the image is one of shells and clients."""
    return name_of(container) in _TOOLS


def may_listen(container: Container) -> bool:
    """Whether the program that the container runs may open ports of its own."""
    return any(_LISTENERS.search(word) for word in program(container))


def expanded(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """``$(NAME)`` replaced where the environment has it, ``$$`` by ``$``: as the kubelet does."""

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1], found[0]) if found[1] else "$"

    return tuple(_REFERENCE.sub(value, word) for word in words)


def _of_tools(container: Container, tools: _Tools) -> tuple[str, ...]:
    command, args = tuple(container.get("command") or ()), tuple(container.get("args") or ())
    if command:
        return (*command, *args)
    if args:
        return args if _is_common(args[0]) else (*tools.entrypoint, *args)
    return () if container.get("ports") else tools.default


def _is_common(word: str) -> bool:
    return word.rpartition("/")[2] in _PROGRAMS
