"""The error tree. Every message says what is wrong, where, and what to do.

HarnessError
├── ScenarioInvalid      a scenario's files contain something that cannot be run (all problems at once)
├── LabError             the laboratory is broken, not the network: pytest shows ERROR, never FAILED
│   ├── ClusterFailed    a cluster could not be created, reached or kept
│   │   └── NotEnforcing the cluster does not enforce NetworkPolicies, so that no verdict on it means anything
│   ├── ToolMissing      a program that the host or a container needs is missing
│   ├── WorkloadFailed   a pod or Service of the scenario does not become ready
│   ├── ExecFailed       a command could not be run in a pod, or its output was lost (Throttled: kube.exec)
│   ├── Interrupted      the thread's work was cancelled (deadline)
│   └── Unproven         a verdict has no sufficient evidence
├── CapabilityMissing    the backend lacks a capability that the scenario requires: pytest shows SKIPPED
└── ApiError             the API server answered with a Status that is not success

UserWarning
├── OracleDisagrees      an author's verdict for a path contradicts the specification (``-W`` makes it an error)
└── NothingDenied        the policies of a derived step deny nothing that is asked
"""

from collections.abc import Sequence

from netpol_harness.escape import escaped


class HarnessError(Exception):
    """Root of all errors that this package raises on purpose. Its text is safe to print on a terminal."""

    def __str__(self) -> str:
        return escaped(super().__str__())


class ScenarioInvalid(HarnessError):
    """Files that cannot be run. ``problems`` holds a line each, ``file:line:column: what is wrong; how to fix it``."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class LabError(HarnessError):
    """The laboratory is broken, so that there is no result about the network."""


class ClusterFailed(LabError):
    """A cluster could not be created, reached or kept."""


class NotEnforcing(ClusterFailed):
    """The cluster does not enforce NetworkPolicies: the run must stop, since no verdict on it means anything."""


class ToolMissing(LabError):
    """A program that the host or a container needs is missing; the message says how to get it."""


class WorkloadFailed(LabError):
    """A workload of the scenario does not become ready."""


class ExecFailed(LabError):
    """A command could not be run in a pod, or its output was lost on the way."""


class Unproven(LabError):
    """A verdict has no sufficient evidence, such as a denial whose listener was not seen alive."""


class CapabilityMissing(HarnessError):
    """The backend lacks a capability that the scenario requires."""

    def __init__(self, capability: str, why: str = "") -> None:
        self.capability = capability
        super().__init__(f"this backend has no {capability}" + (f": {why}" if why else ""))


class ApiError(HarnessError):
    """A Kubernetes API server answered with a Status that is not success (apimachinery ``metav1.Status``).

    ``hint`` says what the reader can do about it. ``verb`` is that of the request, and ``subject`` what it is about,
    such as ``Pod shop/web``.
    """

    def __init__(
        self, code: int, reason: str, message: str, hint: str = "", *, verb: str = "", subject: str = ""
    ) -> None:
        self.code = code
        self.reason = reason
        self.message = message
        self.hint = hint
        self.verb = verb
        request = f"cannot {verb} {subject}: " if verb else ""
        super().__init__(f"{request}{message} ({code} {reason})" + (f"; {hint}" if hint else ""))

    def about(self, subject: str, verb: str = "") -> "ApiError":
        """Return the same error as the answer to a request about a subject, with the same verb if none is given."""
        return ApiError(self.code, self.reason, self.message, self.hint, verb=verb or self.verb, subject=subject)


class OracleDisagrees(UserWarning):
    """An author's verdict for a path contradicts the oracle's reading of the specification."""


class NotProbed(UserWarning):
    """Paths of a closed world are left out, because a workload at their ends has completed."""


class NothingDenied(UserWarning):
    """The policies of a derived step deny nothing that is asked, so that the step would pass without them too."""
