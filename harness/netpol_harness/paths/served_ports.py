"""The ports of a target: those that a line names, compared with those that are served. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest
from netpol_harness.paths.grammar import Sentence
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme
from netpol_harness.paths.port_terms import PortRange, PortTerm

_UNPROVABLE = "a missing answer would prove nothing, so only 'undefined' can be expected"


@dataclass(frozen=True, slots=True)
class Server:
    """What should answer a target: a ``description`` for messages, and its ports with their names.

    ``remedy`` says how to make it serve another port; ``hints`` are better remedies for some numbers. The ports of a
    server that is ``unknown`` are not checked.
    """

    description: str
    ports: Sequence[ContainerPort]
    remedy: str = ""
    hints: Mapping[int, str] = field(default_factory=dict)
    unknown: bool = False


def numbers(sentence: Sentence, server: Server) -> tuple[int, ...]:
    """Return the port numbers that a sentence probes at a server; 0 for ICMP.

    Raises ``ProblemWithoutPlace`` for a name that the server does not have, and for a port that it does not serve: a
    denial could never be told from a missing listener.
    """
    if sentence.scheme is Scheme.ICMP:
        return (0,)
    found = dict.fromkeys(number for term in sentence.ports for number in _numbers(term, sentence, server))
    if not (server.unknown or sentence.expected is Expected.UNDEFINED):
        for number in found:
            _require(Port(sentence.scheme.protocol, number), server)
    return tuple(found)


def named(ports: Sequence[ContainerPort], name: str, protocol: Protocol) -> tuple[int, ...]:
    """Return the numbers of the ports with this name."""
    return tuple(dict.fromkeys(p.port.number for p in ports if p.name == name and p.port.protocol is protocol))


def _numbers(term: PortTerm, sentence: Sentence, server: Server) -> Iterator[int]:
    if isinstance(term, PortRange):
        yield from term.numbers
        return
    found = named(server.ports, term, sentence.scheme.protocol)
    if not found:
        raise _no_such_name(term, sentence, server)
    yield from found


def _no_such_name(name: str, sentence: Sentence, server: Server) -> ProblemWithoutPlace:
    protocol = sentence.scheme.protocol
    what = f"{server.description} has no {protocol} port called '{name}'"
    other = next((p.port.protocol for p in server.ports if p.name == name), None)
    if other:
        return ProblemWithoutPlace(what, f"write {other.lower()}:// before the name to probe its {other} port")
    return ProblemWithoutPlace(what, suggest(name, (p.name for p in server.ports if p.name)))


def _require(probed: Port, server: Server) -> None:
    served = [entry.port for entry in server.ports]
    if probed in served:
        return
    remedy = server.hints.get(probed.number, server.remedy)
    same_number = [port for port in served if port.number == probed.number]
    if same_number:
        remedy = f"write {same_number[0].protocol.lower()}:// before the name to probe {same_number[0]}"
    ports = ", ".join(dict.fromkeys(map(str, served))) or "no port"
    raise ProblemWithoutPlace(f"{server.description} serves {ports}, not {probed}: {_UNPROVABLE}", remedy)
