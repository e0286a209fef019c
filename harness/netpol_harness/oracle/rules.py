"""Which rules of a policy admit a flow in one direction, and why the others do not. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.oracle.blocks import block_match, block_reasons
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import ALWAYS, NEVER, Certainty, Match, both, by_profile
from netpol_harness.oracle.mismatch import DecidedAgainst, PeerReason, PortReason
from netpol_harness.oracle.peers import PeerMatcher, addresses_of
from netpol_harness.oracle.points import OpenPoint, Profile
from netpol_harness.oracle.ports import name_match, port_match, port_mismatch
from netpol_harness.oracle.verdict import Admission, Flow, Host, Refusal

Entry = TypeVar("Entry", Peer, PolicyPort)


@dataclass(frozen=True, slots=True)
class DirectedFlow:
    """A flow seen from its ``subject``, whose policies apply. ``destination`` is ``None`` if it is not a pod."""

    flow: Flow
    direction: Direction
    subject: Pod
    peer: Pod | Host
    destination: Pod | None


class RuleMatcher:
    """Matches rules with flows in one world, as one profile reads them."""

    def __init__(self, endpoints: EndpointIndex, profile: Profile) -> None:
        self._endpoints = endpoints
        self._profile = profile
        self._peers = PeerMatcher(endpoints, profile)

    def admissions(self, policy: NetworkPolicy, directed: DirectedFlow) -> Iterator[tuple[Admission, Match]]:
        """Yield the pairs of a peer and a port of the policy's rules, and whether they admit the flow.

        Entries that never match by the text alone are left out: no pair with them affects the answer.
        """
        home = policy.ref.namespace
        for number, rule in enumerate(policy.rules(directed.direction)):
            peers = _possible((index, self._peer(peer, home, directed)) for index, peer in _indexed(rule.peers))
            if not peers:
                continue
            ports = _possible((index, self._port(port, directed)) for index, port in _indexed(rule.ports))
            for (peer_index, peer_match), (port_index, match) in product(peers, ports):
                pair = both(peer_match, match)
                yield Admission(policy.ref, number, peer_index, port_index, pair.depends_on), pair

    def refusals(self, policies: Sequence[NetworkPolicy], directed: DirectedFlow) -> tuple[Refusal, ...]:
        """Return every rule of these policies that has no matching peer or no matching port."""
        refusals = (
            Refusal(policy.ref, number, self._peer_reasons(rule, policy, directed), self._port_reasons(rule, directed))
            for policy in policies
            for number, rule in enumerate(policy.rules(directed.direction))
        )
        return tuple(refusal for refusal in refusals if refusal.peers or refusal.ports)

    def _peer_reasons(
        self, rule: Rule, policy: NetworkPolicy, directed: DirectedFlow
    ) -> tuple[tuple[PeerReason, ...], ...]:
        """Return the reasons of each entry; nothing if one of them matches, or may."""
        home = policy.ref.namespace
        reasons = [tuple(self._entry_reasons(peer, home, directed)) for peer in rule.peers or ()]
        return tuple(reasons) if all(reasons) else ()

    def _entry_reasons(self, peer: Peer, home: str, directed: DirectedFlow) -> Iterator[PeerReason]:
        """Yield why the entry does not match; nothing if it does, or may."""
        match = self._peer(peer, home, directed)
        if match.certainty is not Certainty.NEVER:
            return
        if match.decided:
            yield DecidedAgainst(match.decided)
        elif isinstance(peer, IPBlock):
            virtual = self._virtual_addresses(directed) or ()
            yield from block_reasons(peer, (*addresses_of(directed.peer), *virtual), directed.flow.version)
        else:
            yield from self._peers.selector_reasons(peer, home, directed.peer)

    def _port_reasons(self, rule: Rule, directed: DirectedFlow) -> tuple[PortReason, ...]:
        """Return the reason of each entry; nothing if one of them matches, or may."""
        reasons = list[PortReason]()
        for _, entry in _indexed(rule.ports):
            match = self._port(entry, directed)
            if match.certainty is not Certainty.NEVER:
                return ()
            if match.decided or entry is None:
                reasons.append(DecidedAgainst(match.decided))
            else:
                reasons.append(port_mismatch(entry, directed.flow.port, directed.destination))
        return tuple(reasons)

    def _peer(self, peer: Peer | None, home: str, directed: DirectedFlow) -> Match:
        match peer:
            case None:
                return ALWAYS
            case IPBlock():
                own, virtual = (
                    self._peers.block_match(peer, directed.peer, directed.flow.version),
                    self._virtual_addresses(directed),
                )
                if virtual is None:
                    return own
                return by_profile(
                    self._profile, OpenPoint.TRANSLATION, yes=block_match(peer, virtual, directed.flow.version), no=own
                )
            case _:
                return self._peers.selector_match(peer, home, directed.peer)

    def _virtual_addresses(self, directed: DirectedFlow) -> Sequence[str] | None:
        """The addresses that egress rules may see before translation; ``None`` if nothing is translated."""
        if directed.direction is Direction.INGRESS or not self._endpoints.is_translated(directed.flow):
            return None
        return self._endpoints.virtual_addresses(directed.flow)

    def _port(self, entry: PolicyPort | None, directed: DirectedFlow) -> Match:
        named, port = NEVER, directed.flow.port
        if entry is not None and isinstance(entry.port, str):
            named = name_match(entry.port, port, directed.destination, directed.direction, self._profile)
        return port_match(entry, port, self._profile, named=named)


def _indexed(entries: Sequence[Entry] | None) -> Iterable[tuple[int | None, Entry | None]]:
    """The entries with their indexes; a single ``None`` for an absent list, which means all."""
    return [(None, None)] if entries is None else enumerate(entries)


def _possible(matches: Iterable[tuple[int | None, Match]]) -> list[tuple[int | None, Match]]:
    return [(index, match) for index, match in matches if match != NEVER]
