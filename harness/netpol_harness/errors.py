"""The whole error tree. Every message says what is wrong, where, and what to do.

HarnessError
├── ScenarioInvalid      the files of a scenario say something that cannot be run (all problems at once)
├── LabError             the laboratory is broken, not the network: pytest shows ERROR, never FAILED
│   ├── ClusterFailed    a cluster could not be made, reached or kept
│   │   └── NotEnforcing the cluster does not do what NetworkPolicies say, so that no verdict on it means anything
│   ├── ToolMissing      a program that the host or a container needs is not there
│   ├── WorkloadFailed   a pod or Service of the scenario does not become ready
│   ├── ExecFailed       a command could not be run in a pod, or its answer was lost (Throttled: kube.exec)
│   └── Unproven         a verdict has no sufficient evidence
├── CapabilityMissing    the backend lacks a named ability that the scenario asks for: pytest shows SKIPPED
└── ApiError             the API server answered with a Status that is not success

UserWarning
└── OracleDisagrees      an author's word for a path contradicts the specification (``-W`` makes it an error)
"""

import re
from collections.abc import Sequence

from netpol_harness.escape import escaped

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""What the API server's authorizer says of a verb that a user lacks (403 Forbidden)."""


class HarnessError(Exception):
    """Root of everything this package raises on purpose. As text it is fit for a terminal, whatever it quotes."""

    def __str__(self) -> str:
        return escaped(super().__str__())


class ScenarioInvalid(HarnessError):
    """Files that cannot be run. ``problems`` holds one finished line each, ``file:line:column: what; how to fix``."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class LabError(HarnessError):
    """The laboratory is broken: nothing can be said about the network."""


class ClusterFailed(LabError):
    """A cluster could not be made, reached or kept."""


class NotEnforcing(ClusterFailed):
    """The cluster does not do what NetworkPolicies say: the run must stop, since no verdict on it means anything."""


class ToolMissing(LabError):
    """A program that the host or a container needs is not there; the message names the remedy."""


class WorkloadFailed(LabError):
    """A workload of the scenario does not become ready."""


class ExecFailed(LabError):
    """A command could not be run in a pod, or its answer was lost on the way."""

    def __init__(self, message: str) -> None:
        super().__init__(message + missing_verb(message))


class Unproven(LabError):
    """A verdict has no sufficient evidence, such as a denial whose listener was not seen alive."""


class CapabilityMissing(HarnessError):
    """The backend lacks a named ability that the scenario asks for."""

    def __init__(self, capability: str, why: str = "") -> None:
        self.capability = capability
        super().__init__(f"this backend has no {capability}" + (f": {why}" if why else ""))


class ApiError(HarnessError):
    """A Kubernetes API server answered with a Status that is not success (apimachinery ``metav1.Status``)."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{message} ({code} {reason})" + missing_verb(message))


class OracleDisagrees(UserWarning):
    """The word that an author wrote for a path contradicts what the oracle reads from the specification."""


def missing_verb(message: str) -> str:
    """What to ask an administrator for, to be put after an authorizer's refusal; empty for any other message."""
    if (found := _FORBIDDEN.search(message)) is None:
        return ""
    group = f".{found['group']}" if found["group"] else ""
    where = f" in namespace {found['namespace']}" if found["namespace"] else " for the whole cluster (a ClusterRole)"
    return f"; ask for the verb {found['verb']} on {found['resource']}{group}{where}"
