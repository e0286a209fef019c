"""The ConformanceReport of network-policy-api, from the results of scenarios that have its conformance tests. Pure.

The form is that of `conformance/apis/v1alpha1` in network-policy-api, and the rules are those of its suite: a level has
the result success if no test failed and none was skipped. One rule is stricter: a test has passed if every test of ours
for it has passed. One that was not selected, or was skipped or broken, is no evidence, so it counts as skipped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BUNDLE_VERSION = "v0.3.0"
"""The release of network-policy-api whose tests the scenarios have."""

PROFILE = "ClusterNetworkPolicy"

_NAMED_PORTS, _NODE_PEERS = "ClusterNetworkPolicyNamedPorts", "ClusterNetworkPolicyEgressNodePeers"
EXPERIMENTAL_FEATURES = (_NAMED_PORTS, _NODE_PEERS)

_OF_BOTH_TIERS = (
    *(f"{direction}{protocol}" for direction in ("Egress", "Ingress") for protocol in ("SCTP", "TCP", "UDP")),
    *("EgressInlineCIDRPeers", "Gress", "PodSelector", "PortRange", "SamePriority"),
)
_FEATURES = {"EgressNamedPort": _NAMED_PORTS, "IngressNamedPort": _NAMED_PORTS, "EgressNodePeers": _NODE_PEERS}
_TIERS = ("CNPAdminTier", "CNPBaselineTier")

STANDARD_TESTS = (
    *(f"{tier}{name}" for tier in _TIERS for name in _OF_BOTH_TIERS),
    *("CNPAdminTierIntegration", "CNPAdminTierPriorityField"),
)
"""The names of the suite's tests that every implementation must pass."""

EXPERIMENTAL_TESTS = {f"{tier}{name}": feature for tier in _TIERS for name, feature in _FEATURES.items()}
"""The experimental feature of each further test."""


class SuiteOutcome(StrEnum):
    """The outcome of one of the suite's tests."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """The result of one of the suite's tests. ``reason`` says why it has not passed."""

    outcome: SuiteOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Implementation:
    """The implementation that was tested, in the words of the project's report."""

    organization: str
    project: str
    url: str
    version: str
    contact: Sequence[str]
    additional_information: str


_FAILURES = ("failed", "xfailed")
_PASSES = ("passed", "xpassed")


def judge(expected: Sequence[str], tests: Mapping[str, Mapping[str, Any]]) -> SuiteResult:
    """Judge one test of the suite by the tests of its scenario.

    ``expected`` names all of these, and ``tests`` has an entry of ``run.json`` for each that was run. A known deviation
    (xfailed) is a failure: the network disagreed.
    """
    found = {name: tests[name] for name in expected if name in tests}
    for words, outcome in ((_FAILURES, SuiteOutcome.FAILED), (("error", "skipped"), SuiteOutcome.SKIPPED)):
        bad = [(name, test) for name, test in found.items() if test["outcome"] in words]
        if bad:
            name, test = bad[0]
            reason = f"{len(bad)} of {len(expected)} {test['outcome']}, first {name}: {test['message']}"
            return SuiteResult(outcome, reason.rstrip(": "))
    passed = [name for name, test in found.items() if test["outcome"] in _PASSES]
    if not expected or len(passed) < len(expected):
        return SuiteResult(SuiteOutcome.SKIPPED, f"{len(expected) - len(passed)} of {len(expected)} were not run")
    return SuiteResult(SuiteOutcome.PASSED)


def report(
    implementation: Implementation, results: Mapping[str, SuiteResult], features: Sequence[str], date: str
) -> dict[str, Any]:
    """Return the report of a run that ended at ``date``.

    ``results`` are those of the suite's tests by name; a test without one was skipped. ``features`` are the
    experimental features that the implementation claims; the tests of others do not count.
    """
    standard = {name: results.get(name, _NOT_RUN) for name in STANDARD_TESTS}
    claimed = {name: results.get(name, _NOT_RUN) for name, feature in EXPERIMENTAL_TESTS.items() if feature in features}
    profile: dict[str, Any] = {"name": PROFILE, "standard": _status(standard)}
    if claimed:
        profile["experimental"] = {**_status(claimed), **dict(_features(features))}
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "ConformanceReport",
        "date": date,
        "implementation": {
            "organization": implementation.organization,
            "project": implementation.project,
            "url": implementation.url,
            "version": implementation.version,
            "contact": list(implementation.contact),
            "additionalInformation": implementation.additional_information,
        },
        "networkPolicyBundleVersion": BUNDLE_VERSION,
        "profiles": [profile],
    }


def is_success(document: Mapping[str, Any]) -> bool:
    """Return whether every level of a report has the result success."""
    (profile,) = document["profiles"]
    return all(profile[level]["result"] == "success" for level in ("standard", "experimental") if level in profile)


_NOT_RUN = SuiteResult(SuiteOutcome.SKIPPED, "there is no scenario for it")


def _status(results: Mapping[str, SuiteResult]) -> dict[str, Any]:
    names = {
        outcome: [name for name, result in results.items() if result.outcome is outcome] for outcome in SuiteOutcome
    }
    failed, skipped = names[SuiteOutcome.FAILED], names[SuiteOutcome.SKIPPED]
    summary = f"required tests skipped: {', '.join(skipped)}" if skipped and not failed else ""
    status: dict[str, Any] = {
        "result": "failure" if failed or skipped else "success",
        "summary": summary,
        "statistics": {"Passed": len(names[SuiteOutcome.PASSED]), "Skipped": len(skipped), "Failed": len(failed)},
    }
    lists = {"skippedTests": skipped, "failedTests": failed}
    return status | {key: tests for key, tests in lists.items() if tests}


def _features(claimed: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    supported = [feature for feature in EXPERIMENTAL_FEATURES if feature in claimed]
    yield "supportedFeatures", supported
    if len(supported) < len(EXPERIMENTAL_FEATURES):
        yield "unsupportedFeatures", [feature for feature in EXPERIMENTAL_FEATURES if feature not in claimed]
