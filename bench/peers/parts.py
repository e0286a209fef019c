"""Parts of a suite, each of which can be run by itself: together they are the whole of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Some cases of a suite: the arguments that select them, their numbers in the suite, and our scenarios for them."""

    name: str
    arguments: Sequence[str]
    numbers: Sequence[int]
    scenarios: Sequence[str]


def _numbers(*ranges: tuple[int, int]) -> Sequence[int]:
    return tuple(number for first, last in ranges for number in range(first, last + 1))


def _conformance(*names: str) -> Sequence[str]:
    return tuple(f"scenarios/conformance/{name}" for name in names)


def _without(*tags: str) -> str:
    """Return Cyclonus' option for the tags that it leaves out: those that it does by default, and these."""
    default = ("multi-peer", "upstream-e2e", "example", "end-port", "namespaces-by-default-label")
    return f"--exclude={','.join((*default, *tags))}"


_SEVERAL = "multi-port/protocol"

CYCLONUS = (
    Part(
        "targets",
        ("--include=target",),
        _numbers((1, 6)),
        _conformance("selectors", "upstream/pod_selector_expression"),
    ),
    Part(
        "rules",
        ("--include=rule", _without(_SEVERAL, "conflict")),
        _numbers((7, 12), (33, 34)),
        _conformance("upstream/default_deny_all", "upstream/allow_all", "upstream/all_namespaces"),
    ),
    Part(
        "peers",
        ("--include=peer-pods,peer-ipblock", _without("conflict")),
        _numbers((13, 32)),
        _conformance("axes/ingress_pods", "axes/egress_pods", "upstream/egress_except"),
    ),
    Part(
        "egress-ports",
        ("--include=port", _without("ingress", _SEVERAL)),
        _numbers((35, 55)),
        _conformance("ports_only", "upstream/egress_named_port", "upstream/udp_ports"),
    ),
    Part(
        "ingress-ports",
        ("--include=any-port,numbered-port", _without("egress", _SEVERAL, "pathological")),
        _numbers((56, 67)),
        _conformance("upstream/ports", "upstream/udp_ports", "upstream/any_port_of_a_protocol"),
    ),
    Part(
        "named-ports",
        ("--include=named-port,pathological", _without("egress", _SEVERAL)),
        _numbers((68, 76)),
        (
            *_conformance("named_ports_differ", "upstream/ingress_named_port"),
            *_conformance("upstream/ingress_named_port_from_namespace"),
            "scenarios/regressions/namedport-protocol-mismatch",
        ),
    ),
    Part(
        "several-ports",
        (f"--include={_SEVERAL}",),
        _numbers((77, 90)),
        (
            *_conformance("ports_only", "upstream/ports", "upstream/any_port_of_a_protocol"),
            "scenarios/regressions/ports-empty-item-plus-numbered-port",
        ),
    ),
    Part(
        "actions",
        ("--include=action",),
        _numbers((91, 96)),
        _conformance("relabelled_pods", "relabelled_namespaces", "policy_swapped", "late_pods"),
    ),
    Part(
        "conflicts",
        ("--include=conflict",),
        _numbers((97, 112)),
        _conformance(
            "upstream/stacked_policies",
            "upstream/allow_beside_default_deny",
            "policy_swapped",
            "upstream/client_denies_what_server_allows",
            "upstream/allow_all_egress_wins",
            "upstream/allow_all_ingress_wins",
            "upstream/excepted_and_allowed_elsewhere",
            "upstream/directions_are_independent",
        ),
    ),
)
"""The parts of Cyclonus' default catalogue, by its tags."""
