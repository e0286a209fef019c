"""What every scenario of the library owes its reader, and what scenarios side by side owe each other."""

import json
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION

LIBRARY = Path(__file__).parents[1] / "scenarios"
FOLDERS = sorted(file.parent for file in LIBRARY.rglob(SCENARIO_FILE))
REGRESSIONS = sorted((LIBRARY / "regressions").iterdir())
UPSTREAM = sorted((LIBRARY / "conformance" / "upstream").iterdir())
ENTRIES = """
agent-restart-window-closed agent-restart-window-open allow-all-opens-tcp-only anp-same-priority
bare-pod-not-enforced calico-deny-nets-includes-pods calico-gnp-allow-cancels-knp-isolation
calico-log-only-policy-denies chain-name-hash-collision cnp-np-other-direction-skips-baseline cnp-same-priority
cnp-tier-order-np-before-admin completed-pod-grants-ip-successor completed-pod-policy-hits-ip-successor
daemonset-replace-blocked-or-open db-ingress-only-leaves-egress-open default-deny-plus-allow-console
deny-all-egress-without-rules-ignored dns-egress-forgotten dns-flaky-with-any-policy
dualstack-v4-entry-lost-after-recreate egress-two-rules-conjunction-race empty-rule-vs-empty-selectors-external
endport-ignored-first-port-only established-tcp-survives-deny example-policy-ipblock-plus-selectors
except-cuts-selector-peer except-ignored except-implemented-as-deny except-leaks-into-other-rule
except-overlaps-port-allow flannel-no-enforcement hairpin-through-own-service hostnetwork-pod-as-peer
hostnetwork-pod-selected-by-policy hostnetwork-source-address-differs icmp-with-deny-all
in-two-values-selects-nothing ingress-empty-list-vs-missing-vs-empty-rule ipblock-node-ip-not-matched
ipblock-pod-cidr-not-matched ipblock-service-vip-egress ipv4-slash-zero-does-not-cover-ipv6
ipv6-ipblock-stops-ipv4-sync ipv6-neighbor-discovery-denied ipv6-sets-frozen label-added-later-opens-unrelated
matchexpressions-in-namespaceselector-ignored more-than-24-or-40-ports namedport-differs-per-pod
namedport-egress-without-to namedport-ingress-from-ipblock-dropped namedport-protocol-mismatch
namedport-set-holds-one-pod namedport-unsupported-opens-all namespace-label-change-with-podselector
namespace-label-removed-clusterpolicy-stale namespace-recreate-stale-sets namespaceselector-name-label-missing
node-local-dns-not-a-pod nodeport-ipblock-source notin-and-doesnotexist-match-missing-key
notin-two-values-becomes-or ns-and-pod-selector-blocks-everyone ns-and-pod-selector-treated-as-or
peers-item-and-ports-item-are-two-rules pod-label-added-not-noticed pod-to-other-node-ports-closed
pod-to-own-node-ports-open policy-delete-kills-live-connection policy-map-overflow policy-podselector-update-stale
policy-seen-before-namespace policytypes-ingress-only-egress-rules-applied policytypes-ingress-only-kills-egress
policytypes-narrowed-on-update-not-applied ports-empty-item-plus-numbered-port ports-missing-protocol-defaults-tcp
ports-protocol-without-number return-traffic-denied-after-late-attach rules-cross-product
same-cidr-all-ports-lost-to-port-rule same-policy-name-in-two-namespaces sctp-rule-silently-dropped
self-referential-selector-drops-service service-path-bypasses-filter service-port-vs-target-port
service-vip-accept-rule-ordering set-name-shared-by-label-and-port startup-window-open
startup-window-partial-policies statefulset-recreate-late-cni-del statefulset-recreate-policy-not-attached
terminating-pod-cut-off-early two-from-entries-namespace-half-lost two-policies-peer-rule-and-port-rule
udp-flow-survives-deny udp-redirect-leftover update-allow-all-to-deny-all
"""
"""Behaviours and bugs of the field that are written out as scenarios, each in a folder of its name."""

CASE = re.compile(r"^# Source: kubernetes/kubernetes test/e2e/network/netpol, case (\d+)\.$", re.MULTILINE)


def name(folder: Path) -> str:
    return str(folder.relative_to(LIBRARY))


def test_every_entry_has_its_folder() -> None:
    assert [folder.name for folder in REGRESSIONS] == ENTRIES.split()
    assert set(REGRESSIONS) <= set(FOLDERS)


def test_every_upstream_case_is_there_once() -> None:
    cases = sorted(int(number) for folder in UPSTREAM for number in CASE.findall(comment(folder)))

    assert cases == list(range(1, 49))
    assert len(UPSTREAM) == 48


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_a_scenario_begins_with_what_it_is_about(folder: Path) -> None:
    assert len(comment(folder).split()) >= 8


@pytest.mark.parametrize("folder", REGRESSIONS, ids=name)
def test_a_regression_names_its_source(folder: Path) -> None:
    assert re.search(r"^# Source: \S.{9}", comment(folder), re.MULTILINE)


def test_no_two_scenarios_have_a_host_at_the_same_address() -> None:
    """Scenarios run side by side, on one network."""
    assert shared({folder: addresses(folder) for folder in FOLDERS}) == []


def test_no_two_scenarios_have_a_pod_at_the_same_chosen_address() -> None:
    assert shared({folder: chosen(folder) for folder in FOLDERS}) == []


def comment(folder: Path) -> str:
    """The comment before the first key, without the line for editors."""
    lines = takewhile(lambda line: line.startswith("#"), (folder / SCENARIO_FILE).read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if not line.startswith("# yaml-language-server:"))


def addresses(folder: Path) -> set[str]:
    """What its author chose for external hosts."""
    external = yaml.safe_load((folder / SCENARIO_FILE).read_text("utf-8")).get("external") or {}
    return {host["address"] for host in (external.values() if isinstance(external, dict) else ()) if "address" in host}


def chosen(folder: Path) -> set[str]:
    """The addresses that pods of a scenario want."""
    texts = [
        text for file in folder.rglob("*.yaml") if CALICO_ADDRESSES_ANNOTATION in (text := file.read_text("utf-8"))
    ]
    metadata = [manifest["metadata"] for text in texts for manifest in yaml.safe_load_all(text)]
    wanted = [json.loads(data.get("annotations", {}).get(CALICO_ADDRESSES_ANNOTATION, "[]")) for data in metadata]
    return {address for addresses in wanted for address in addresses}


def shared(wanted: dict[Path, set[str]]) -> list[str]:
    """What more than one scenario wants."""
    count = Counter(address for addresses in wanted.values() for address in addresses)
    return sorted(address for address, times in count.items() if times > 1)
