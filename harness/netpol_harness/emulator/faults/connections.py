"""Misclassified packets: replies, open connections, and packets that Services have translated."""

import re
from collections.abc import Callable
from dataclasses import replace

from netpol_harness.emulator.address_plan import FAMILIES
from netpol_harness.emulator.dataplane.rules import Chain, IpVersion, Ruleset
from netpol_harness.emulator.faults.mutant import BOTH_FAMILIES, Mutant, RuleFault

_FORWARD = "forward"
_REPLIES = "ct direction reply ct state established accept"
_TRANSLATED = "ct status dnat"
_NOT_ADMITTED = "meta mark != 1 drop"
_PORT = re.compile(r"(tcp|udp|sctp) dport (\d[\d-]*)")
_SET = re.compile(r"@(selected/\S+)")
_MARKED = re.compile(r"^ct mark 0 ct mark set (\d+)$", re.MULTILINE)


def _chains(chosen: str, rewrite: Callable[[tuple[str, ...], str], tuple[str, ...]]) -> RuleFault:
    """Rewrite the rules of every chain whose name matches ``chosen``, given its name."""
    pattern = re.compile(chosen)

    def fault(correct: Ruleset, _: Ruleset) -> Ruleset:
        changed = {n: replace(c, rules=rewrite(c.rules, n)) for n, c in correct.chains.items() if pattern.fullmatch(n)}
        return replace(correct, chains={**correct.chains, **changed})

    return fault


def _first(rule: str) -> RuleFault:
    """Add a rule in front of all that judge a packet."""
    return _chains(_FORWARD, lambda rules, _: (rule, *rules))


def _isolated(rule: str, chain: tuple[str, ...]) -> tuple[str, ...]:
    """Add a rule to a pod's chain if policies isolate the pod."""
    return (rule, *chain) if chain else chain


def _final_in_egress(rules: tuple[str, ...], _: str) -> tuple[str, ...]:
    """Accept for good what egress policies admit."""
    return (*rules, "accept") if rules[-1:] == (_NOT_ADMITTED,) else rules


def _open_to_the_node(rules: tuple[str, ...], _: str) -> tuple[str, ...]:
    """Admit clients outside that come by a Service, as if they were the pod's node."""
    ranges = ((IpVersion.of(str(family.pods)).header, family.pods) for family in FAMILIES)
    admitting = tuple(f"{header} saddr != {pods} {_TRANSLATED} accept" for header, pods in ranges)
    return (*admitting, *rules) if rules else rules


def _no_dns_beside_policies(correct: Ruleset, before: Ruleset) -> Ruleset:
    return _first("udp dport 53 drop")(correct, before) if _policies(correct) else correct


def _original_port(rules: tuple[str, ...], _: str) -> tuple[str, ...]:
    return tuple(_PORT.sub(r"meta l4proto \1 ct original proto-dst \2", rule) for rule in rules)


def _no_service_for_the_selected(correct: Ruleset, before: Ruleset) -> Ruleset:
    """Drop the subject's egress to Services if a policy also selects its own subject as a peer."""

    def rewritten(rules: tuple[str, ...], name: str) -> tuple[str, ...]:
        address = name.split("/")[1]
        policies = [correct.chains[rule.removeprefix("jump ")] for rule in rules if rule.startswith("jump ")]
        sets = {match for policy in policies for rule in policy.rules for match in _SET.findall(rule)}
        selected = any(address in correct.sets[name].elements for name in sets)
        return _isolated(f"{_TRANSLATED} drop", rules) if selected else rules

    return _chains("pod/.*/egress", rewritten)(correct, before)


def _cut_off(protocol: str) -> RuleFault:
    """Drop packets of connections that were open when the last policy was deleted."""

    def fault(correct: Ruleset, before: Ruleset) -> Ruleset:
        age = _age(before) + (1 if _policies(before) - _policies(correct) else 0)
        lines = (f"meta l4proto {protocol} ct mark != 0 ct mark != {age} drop", f"ct mark 0 ct mark set {age}")
        forward = correct.chains[_FORWARD]
        return replace(correct, chains={**correct.chains, _FORWARD: replace(forward, rules=(*lines, *forward.rules))})

    return fault


def _age(before: Ruleset) -> int:
    """Return how often policies have been deleted, counted from 1."""
    marked = _MARKED.search("\n".join(before.chains.get(_FORWARD, Chain()).rules))
    return int(marked[1]) if marked else 1


def _policies(rules: Ruleset) -> set[str]:
    return {name for name in rules.chains if name.startswith("policy/")}


MUTANTS = (
    Mutant(
        "service-traffic-bypasses-policies",
        "Connections through a Service bypass policies.",
        ("service-path-bypasses-filter",),
        rules=_first(f"{_TRANSLATED} accept"),
    ),
    Mutant(
        "external-traffic-policy-lost",
        "A client outside that comes by a Service has its node's address, also under externalTrafficPolicy Local.",
        ("nodeport-ipblock-source", "service_forms"),
        rules=_chains("pod/.*/ingress", _open_to_the_node),
    ),
    Mutant(
        "judged-at-the-source-only",
        "What the source's egress policies admit is not judged by the ingress policies of the destination.",
        ("egress-allow-skips-ingress-deny",),
        rules=_chains("pod/.*/egress", _final_in_egress),
    ),
    Mutant(
        "egress-to-services-dropped",
        "A pod that is isolated in egress reaches pods by their addresses, but no Service.",
        ("service-vip-accept-rule-ordering",),
        rules=_chains("pod/.*/egress", lambda rules, _: _isolated(f"{_TRANSLATED} drop", rules)),
    ),
    Mutant(
        "service-lost-to-own-selector",
        "If an egress rule's selector also picks the pod itself, the pod reaches no Service.",
        ("self-referential-selector-drops-service",),
        rules=_no_service_for_the_selected,
    ),
    Mutant(
        "service-port-judged",
        "A policy's port is compared with the port of the Service, not with the pod's.",
        ("service-port-vs-target-port",),
        rules=_chains("policy/.*", _original_port),
    ),
    Mutant(
        "udp-not-enforced",
        "Policies have no effect on UDP.",
        ("udp_default_deny_ingress",),
        rules=_first("meta l4proto udp accept"),
    ),
    Mutant(
        "ipv6-not-enforced",
        "Policies have no effect on IPv6.",
        ("ipv6-sets-frozen",),
        rules=_first("meta nfproto ipv6 accept"),
        shape=BOTH_FAMILIES,
    ),
    Mutant(
        "dns-dropped-beside-policies",
        "As soon as any policy exists, DNS over UDP is lost.",
        ("dns-flaky-with-any-policy",),
        rules=_no_dns_beside_policies,
    ),
    Mutant(
        "replies-judged",
        "Replies are judged by policies like new connections.",
        ("return-traffic-denied-after-late-attach", "db-ingress-only-leaves-egress-open"),
        rules=_chains(_FORWARD, lambda rules, _: tuple(rule for rule in rules if rule != _REPLIES)),
    ),
    Mutant(
        "policy-delete-cuts-connections",
        "When a policy is deleted, open connections are cut.",
        ("policy-delete-kills-live-connection",),
        rules=_cut_off("tcp"),
    ),
    Mutant(
        "policy-delete-leaves-udp-flows",
        "After a policy is deleted, datagrams of an earlier flow are dropped for as long as its conntrack entry lives.",
        ("udp-redirect-leftover",),
        rules=_cut_off("udp"),
    ),
)
