"""The tools of a container and their variants: one script discovers them, ``parse`` reads its output. PURE.

Variants matter: four programs are called nc and have different options, and busybox's ``timeout`` reads ``0.2`` as 0.
"""

from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.errors import ToolMissing
from netpol_harness.probe.plan import frames


class Tool(StrEnum):
    """Programs that can probe, by their usual names. The values are those of ``--probe-tool``."""

    CURL = "curl"
    NC = "nc"
    AGNHOST = "agnhost"
    WGET = "wget"
    BASH = "bash"
    PYTHON = "python3"
    PING = "ping"


class Netcat(StrEnum):
    """Variants of netcat. COMPATIBLE is busybox built with traditional netcat's options, PLAIN is busybox without."""

    OPENBSD = "openbsd"
    TRADITIONAL = "traditional"
    NCAT = "ncat"
    COMPATIBLE = "busybox, compatible"
    PLAIN = "busybox"


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one container.

    ``nc`` is the name of the netcat program; ``receives_once``: nc can exit after the first datagram (``-W 1``);
    ``fractional``: ``timeout`` accepts fractions of a second; ``lookup``: the command that resolves names as tools do.
    """

    tools: frozenset[Tool]
    netcat: Netcat | None = None
    nc: str = "nc"
    agnhost: str = "agnhost"
    receives_once: bool = False
    has_timeout: bool = True
    fractional: bool = True
    lookup: str = ""

    def chooses_ip_version(self, tool: Tool) -> bool:
        """Return whether a tool can be told which IP version of a name's addresses to use."""
        by_option = self.netcat in (Netcat.OPENBSD, Netcat.NCAT)
        return tool in (Tool.CURL, Tool.PYTHON) or (tool is Tool.NC and by_option)

    def probe_seconds(self, timeout: float) -> float:
        """Return ``timeout`` in seconds as the container supports it: rounded up if fractions are not supported."""
        return timeout if self.fractional else float(-(-timeout // 1))


DISCOVERY = """\
unalias -a 2>/dev/null
export LC_ALL=C
discover() {
  for t in curl nc ncat netcat agnhost wget bash python3 ping getent nslookup timeout; do
    command -v $t >/dev/null 2>&1 && echo "has $t"
  done
  [ -x /agnhost ] && echo "has /agnhost"
  for n in nc ncat netcat; do
    command -v $n >/dev/null 2>&1 && { $n -h 2>&1 </dev/null | while read -r l; do echo "nc $l"; done; break; }
  done
  timeout --version 2>&1 </dev/null | { read -r l; echo "timeout $l"; }
  getent ahosts 127.0.0.1 >/dev/null 2>&1 </dev/null && echo "has ahosts"
}
"""

NETCATS = ("nc", "ncat", "netcat")
TOOL_NAMES = "curl, nc, agnhost, wget, bash, python3, ping"


def discovery(nonce: str) -> str:
    """Return the discovery script, for the standard input of ``sh``; its output is a frame under ``nonce``."""
    return f"{DISCOVERY}printf '\\n[%s tools 0 0 0\\n%s\\n%s tools 0]\\n' {nonce} \"$(discover)\" {nonce}\nexit 0\n"


def parse(nonce: str, stdout: bytes) -> Toolbox:
    """Return the discovered tools. Raises ``ToolMissing`` if there are none, or the output has no frame."""
    frame = frames.parse(nonce, stdout).complete.get("tools")
    if frame is None:
        raise ToolMissing("its shell did not report its tools")
    toolbox = _toolbox(frame.message.splitlines())
    if not toolbox.tools:
        raise ToolMissing(f"found none of {TOOL_NAMES}; use an image that has one, or add a container that has")
    return toolbox


def _toolbox(lines: list[str]) -> Toolbox:
    has = {line.removeprefix("has ") for line in lines if line.startswith("has ")}
    usage = "\n".join(line.removeprefix("nc ") for line in lines if line.startswith("nc "))
    version = "\n".join(line for line in lines if line.startswith("timeout "))
    nc = next((name for name in NETCATS if name in has), "")
    tools = {tool for tool in Tool if tool.value in has}
    tools |= ({Tool.NC} if nc else set()) | ({Tool.AGNHOST} if "/agnhost" in has else set())
    return Toolbox(
        tools=frozenset(tools),
        netcat=_netcat(usage) if nc else None,
        nc=nc or "nc",
        agnhost="agnhost" if "agnhost" in has else "/agnhost",
        receives_once="-W recvlimit" in usage,
        has_timeout="timeout" in has,
        fractional="coreutils" in version,
        lookup=_lookup(has),
    )


def _netcat(usage: str) -> Netcat:
    if "Ncat" in usage:
        return Netcat.NCAT
    if "BusyBox" in usage:
        return Netcat.COMPATIBLE if "-z" in usage else Netcat.PLAIN
    return Netcat.TRADITIONAL if "[v1." in usage else Netcat.OPENBSD


def _lookup(has: set[str]) -> str:
    """Return the command that resolves a name as tools do: by getaddrinfo if it can, for both address families."""
    if "getent" in has:
        return "getent ahosts" if "ahosts" in has else "getent hosts"
    return "nslookup" if "nslookup" in has else ""
