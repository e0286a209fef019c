"""One batch for one pod: probes become one POSIX sh script, and its output becomes one reply for each probe. PURE.

The script is sent to ``sh`` on standard input: a long batch does not fit in a URL (exec's argv travels in one). It does
not need the end of its input, which exec over v4 cannot signal: it is one function, read completely before it runs (so
that half a script does nothing), and exits by itself. Probes run in parallel, ``width`` at once, and each writes a
frame.

Besides the probes a batch has a *pulse* of each tool, a connection to a closed port of the pod itself, which shows that
the tool starts and the pod runs fast enough for its silence to mean anything (python3 behind a version manager does
not); and a lookup of each name, which distinguishes a name that did not resolve from a silent network, and shows a name
that resolves to an address that is not the target's. Times are those of /proc/uptime (10 ms), which needs no process.
"""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from netpol_harness.paths.outcome import SILENT, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan import classify, frames
from netpol_harness.probe.plan.commands import Command, CommandRequest, Dialect, command_for, lookup_command
from netpol_harness.probe.plan.lookup import looked_up_addresses
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.server_names import server_name
from netpol_harness.probe.plan.toolbox import TOOL_NAMES, Tool, Toolbox
from netpol_harness.results.evidence import Reply

WIDEST = 32
"""How many probes of one script run at once, at most."""

PULSE = "pulse"
PULSE_PROBES = (Probe(Scheme.TCP, "127.0.0.1", 1), Probe(Scheme.ICMP, "127.0.0.1", 0))
"""Probes that are answered at once, by a refusal or an echo, without leaving the pod."""

PRELUDE = f"""\
unalias -a 2>/dev/null
export LC_ALL=C
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
frame() {{ printf '\\n[%s %s %s %s %s\\n%.{frames.LONGEST_MESSAGE}s\\n%s %s %s]\\n' $N $1 $2 $3 $4 "$5" $N $1 $2; }}
E=exec
again() {{
  case $1,$2 in 1,*"|"*) ;; 1,*) eval "$E $2"; return ;; esac
  n=$1
  while :; do
    eval "$2"; r=$?; n=$((n - 1))
    case $n,$r in 0,*) return $r ;; *,124 | *,143) ;; *) return $r ;; esac
  done
}}
now() {{ t=0; read -r t _ </proc/uptime; }} 2>/dev/null
p() {{ now; a=$t; o=$(again $2 "$3" 2>&1 </dev/null); r=$?; now; frame $1 $r $a $t "$o"; }}
self() {{ n= o=
  while read -r a b c _; do
    case $a in '|--') n=$b ;; /32) case $c,$o in LOCAL,*" $n "*) ;; LOCAL,*) o="$o $n " ;; esac ;; esac
  done </proc/net/fib_trie
  while read -r a _; do o="$o $a "; done </proc/net/if_inet6
  frame {frames.SELF} 0 0 0 "$o"
}} 2>/dev/null
q() {{ now; a=$t; o=$(again $2 "$3" 2>/dev/null </dev/null); r=$?; now; frame $1 $r $a $t "$o"; }}
"""
"""``again``: a command replaces its subshell, which spares a process, unless it is a pipe or ``timeout`` a function."""

OWN_TIMEOUT = """\
E=
timeout() { l=$1; shift; "$@" <&0 & c=$!; { sleep $l; kill $c; } >/dev/null 2>&1 & k=$!
  wait $c; r=$?; kill $k 2>/dev/null; return $r; }
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """One pod's script (``text``), and what is needed to read its output.

    ``commands``: probes and their commands by frame index; ``lookups``: name -> frame index; ``pulses``: the frame
    indexes of its pulses; ``unsupported``: replies of probes that no tool can run; ``timeout``: seconds that one probe
    really has there.
    """

    text: str
    nonce: str
    timeout: float
    commands: Mapping[str, tuple[Probe, Command]]
    pulses: tuple[str, ...]
    lookups: Mapping[str, str]
    unsupported: Mapping[Probe, Reply]


@dataclass(frozen=True, slots=True)
class Answers:
    """One reply for every probe of a batch; ``slowest``: seconds of the slowest answer, lookups and pulses included.

    ``addresses`` are those of the network in which the batch ran; empty if it could not tell.
    """

    replies: Mapping[Probe, Reply]
    slowest: float
    addresses: frozenset[str] = frozenset()


def compose(
    probes: Sequence[Probe], toolbox: Toolbox, *, timeout: float, width: int, nonce: str, tool: Tool | None = None
) -> Batch:
    """Return the script for ``probes`` (distinct), ``timeout`` seconds each, at most ``width`` at once.

    ``nonce`` is a random word of letters and digits; ``tool`` forces one tool for all probes.
    """
    candidates = {
        str(index): (probe, command_for(CommandRequest(probe, toolbox, timeout, token(nonce, str(index))), tool))
        for index, probe in enumerate(probes)
    }
    commands = {index: (probe, command) for index, (probe, command) in candidates.items() if command is not None}
    unsupported = {probe: _no_tool(probe, tool) for probe, command in candidates.values() if command is None}
    lookups = _lookups(commands, toolbox)
    pulses = _pulses(commands, toolbox, timeout)
    sequences = [
        *((line,) for line in _lookup_lines(lookups, toolbox, timeout)),
        *((line,) for line in list(pulses.values())[1:]),
        *_sequences({index: command for index, command in commands.items() if not command[0].asks_name}),
    ]
    names = [_line(index, command) for index, (probe, command) in commands.items() if probe.asks_name]
    sequences += _after_pulse(next(iter(pulses.values()), ""), names, width - len(sequences))
    own_timeout = "" if toolbox.has_timeout else OWN_TIMEOUT
    text = _text(sequences, width, nonce, own_timeout)
    return Batch(text, nonce, toolbox.probe_seconds(timeout), commands, tuple(pulses), lookups, unsupported)


def token(nonce: str, index: str) -> str:
    """Return the token of one probe's datagrams: as new as the nonce, but different, so that no echo forges a frame."""
    return hashlib.sha256(f"{nonce} {index}".encode()).hexdigest()[:16]


def read(batch: Batch, stdout: bytes, *, why_lost: str = "") -> Answers:
    """Return one reply for each probe of the batch; ``why_lost`` explains answers that are missing."""
    parsed = frames.parse(batch.nonce, stdout)
    replies = dict(batch.unsupported)
    for index, (probe, command) in batch.commands.items():
        frame = parsed.complete.get(index)
        lost = _lost(index, parsed, why_lost)
        replies[probe] = (
            _reply(batch, parsed, index, frame) if frame else Reply(Outcome.PROBE_FAILED, lost, command.tool)
        )
    answered = [
        replies[batch.commands[index][0]].seconds for index in parsed.complete if _timed(batch, replies, parsed, index)
    ]
    resolved = [parsed.complete[index].seconds for index in batch.lookups.values() if _resolved(parsed, index)]
    pulses = [parsed.complete[index].seconds for index in batch.pulses if index in parsed.complete]
    if len(pulses) < len(batch.pulses):
        replies = {probe: doubted(reply, "the pod's own pulse was lost") for probe, reply in replies.items()}
    return Answers(replies, max([*answered, *resolved, *pulses], default=0.0), parsed.addresses)


def doubted(reply: Reply, why: str) -> Reply:
    """Return the reply if silence is not an observation, because of ``why`` (empty: it is). Explicit answers stay."""
    if not why or reply.outcome not in SILENT:
        return reply
    return replace(reply, outcome=Outcome.PROBE_FAILED, detail=f"{reply.detail}; but {why}")


def _timed(batch: Batch, replies: Mapping[Probe, Reply], parsed: frames.Frames, index: str) -> bool:
    """Return whether a probe's time is that of its answer; some tools wait for their whole time in spite of one."""
    if index not in batch.commands:
        return False
    probe, command = batch.commands[index]
    if probe.asks_name:
        return False
    waited = parsed.complete[index].code in classify.SILENCE and command.dialect is not Dialect.CURL
    return replies[probe].outcome is Outcome.CONNECTED and not waited


def _resolved(parsed: frames.Frames, index: str) -> bool:
    frame = parsed.complete.get(index)
    return frame is not None and classify.read(Dialect.LOOKUP, frame.code, frame.message).outcome is Outcome.CONNECTED


def _no_tool(probe: Probe, forced: Tool | None) -> Reply:
    if forced is not None:
        return Reply(
            Outcome.PROBE_FAILED, f"--probe-tool {forced} cannot probe {probe} here; leave the option out", forced
        )
    what = f"no tool for {probe.scheme.upper()} in the container"
    return Reply(Outcome.PROBE_FAILED, f"{what} (of {TOOL_NAMES}); use an image that has one, or add such a container")


def _lookups(commands: Mapping[str, tuple[Probe, Command]], toolbox: Toolbox) -> dict[str, str]:
    """Return an index for each name whose addresses are known, or whose tool may end without a message about it."""
    names = {
        p.host for p, command in commands.values() if p.by_name and (p.addresses or command.dialect is not Dialect.CURL)
    }
    return {name: f"name{number}" for number, name in enumerate(sorted(names))} if toolbox.lookup else {}


def _lookup_lines(lookups: Mapping[str, str], toolbox: Toolbox, timeout: float) -> list[str]:
    return [f"p {index} 1 {shlex.quote(lookup_command(name, toolbox, timeout))}" for name, index in lookups.items()]


def _pulses(commands: Mapping[str, tuple[Probe, Command]], toolbox: Toolbox, timeout: float) -> dict[str, str]:
    """Return index -> line for each tool in use, by the first of the pulse's probes that it can run.

    curl needs none beside another tool: its time-out begins when it has started, and it says itself that it has passed.
    """
    in_use = {command.tool for _, command in commands.values()}
    tools = sorted(in_use - {Tool.CURL} or in_use)
    beats = [
        next(
            filter(None, (command_for(CommandRequest(probe, toolbox, timeout, ""), tool) for probe in PULSE_PROBES)),
            None,
        )
        for tool in tools
    ]
    named = {f"{PULSE}{number}": beat for number, beat in enumerate(beats) if beat is not None}
    return {index: f"p {index} 1 {shlex.quote(beat.shell)}" for index, beat in named.items()}


def _sequences(commands: Mapping[str, tuple[Probe, Command]]) -> list[tuple[str, ...]]:
    """Return lines that run one after the other: probes with the same source port, and every other one alone."""
    sequences: dict[str, list[str]] = {}
    for index, (probe, command) in commands.items():
        key = f"port {probe.source_port}" if probe.source_port else index
        sequences.setdefault(key, []).append(_line(index, command))
    return [tuple(lines) for lines in sequences.values()]


def _line(index: str, command: Command) -> str:
    return f"{'q' if command.data_only else 'p'} {index} {command.tries} {shlex.quote(command.shell)}"


def _after_pulse(pulse: str, names: Sequence[str], workers: int) -> list[tuple[str, ...]]:
    """Return the sequences of the first pulse and of requests for names, which start after it if all can run at once.

    No silence rests on a name. So its process need not take time from those of the round whose times do count.
    """
    if pulse and len(names) < workers:
        return [(pulse, *(f"{name} &" for name in names), "wait")] if names else [(pulse,)]
    return [(line,) for line in (*filter(None, [pulse]), *names)]


def _text(sequences: Sequence[tuple[str, ...]], width: int, nonce: str, own_timeout: str) -> str:
    """Return the script: at most ``width`` workers in the background, each with a part of the sequences."""
    parts = [sequences[start::width] for start in range(min(width, len(sequences)))]
    workers = "\n".join("{\n" + "\n".join(line for lines in part for line in lines) + "\n} &" for part in parts)
    return f"N={nonce}\n{PRELUDE}{own_timeout}batch() {{\nself\n{workers}\nwait\nexit 0\n}}\nbatch\n"


def _lost(index: str, parsed: frames.Frames, why: str) -> str:
    if index in parsed.repeated:
        return f"probe {index} was answered more than once, so no answer can be trusted"
    return f"the answer of probe {index} was lost" + (f": {why}" if why else "")


def _reply(batch: Batch, parsed: frames.Frames, index: str, frame: frames.Frame) -> Reply:
    probe, command = batch.commands[index]
    meaning = classify.read(command.dialect, frame.code, frame.message)
    if probe.asks_name:
        name = server_name(frame.message) if meaning.outcome is Outcome.CONNECTED else meaning.detail
        return Reply(meaning.outcome, name, command.tool, command.shell, frame.seconds)
    seconds = (classify.curl_seconds(frame.message) if command.dialect is Dialect.CURL else None) or frame.seconds
    reply = Reply(meaning.outcome, meaning.detail, command.tool, command.shell, seconds)
    if probe.by_name and not meaning.explained:
        reply = _explained(batch, parsed, probe, reply)
    if wrong := _wrong_addresses(batch, parsed, probe):
        return replace(reply, outcome=Outcome.NAME_WRONG, detail=wrong)
    if reply.outcome is Outcome.CONNECTED and probe.scheme is Scheme.UDP:
        echoed = token(batch.nonce, index) in frame.message
        return replace(reply, detail="our own data came back" if echoed else "data came back, not ours")
    if reply.outcome is Outcome.TIMED_OUT:
        return replace(reply, detail=f"no answer within {batch.timeout:.3g} s")
    return reply


def _wrong_addresses(batch: Batch, parsed: frames.Frames, probe: Probe) -> str:
    """Say which addresses the probe's name resolved to that are not the target's; empty if none is known."""
    frame = parsed.complete.get(batch.lookups.get(probe.host, ""))
    if frame is None or not probe.addresses or not _resolved(parsed, batch.lookups[probe.host]):
        return ""
    wrong = looked_up_addresses(frame.message) - probe.addresses
    own = ", ".join(sorted(probe.addresses))
    return f"{probe.host} resolved to {', '.join(sorted(wrong))}, and its addresses are {own}" if wrong else ""


def _explained(batch: Batch, parsed: frames.Frames, probe: Probe, reply: Reply) -> Reply:
    """Decide by the batch's lookup whether silence on a name is a failure of the lookup or of the network."""
    frame = parsed.complete.get(batch.lookups.get(probe.host, ""))
    if frame is None:
        missing = "the lookup was lost" if batch.lookups else "there is neither getent nor nslookup to tell"
        return replace(reply, outcome=Outcome.PROBE_FAILED, detail=f"silence: the name or the network? {missing}")
    lookup = classify.read(Dialect.LOOKUP, frame.code, frame.message)
    if lookup.outcome is Outcome.CONNECTED:
        return reply
    if lookup.outcome is Outcome.PROBE_FAILED:
        return replace(reply, outcome=Outcome.PROBE_FAILED, detail=f"looking up {probe.host} failed: {lookup.detail}")
    silent = lookup.outcome is Outcome.TIMED_OUT
    why = f"no answer from a name server within {batch.timeout:.3g} s" if silent else lookup.detail or "no such name"
    return replace(reply, outcome=Outcome.NAME_FAILED, detail=f"{probe.host} did not resolve: {why}")
