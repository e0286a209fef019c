"""Durations of the harness, by name, and the defaults of a local and of a remote cluster."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Durations in seconds. A backend has its own defaults; the command line overrides single fields.

    probe     one attempt of one path, name lookup included
    settle    from the last change until every path of a step must have matched
    interval  between two rounds of probes of one step
    exec      one batch of probes in one pod, beyond the probes' own time
    ready     workloads of a scenario, until all pods are Ready
    cluster   the cluster itself, until its API answers and its nodes are Ready
    """

    probe: float
    settle: float
    interval: float
    exec: float
    ready: float
    cluster: float


EMBEDDED = Timeouts(probe=0.25, settle=1.5, interval=0.05, exec=20.0, ready=20.0, cluster=30.0)
"""A round trip takes microseconds there and a policy is in force before the API call returns.

Silence on a name counts in a round that is four times quicker than a probe: with 0.2 s, rounds of two processors were
often too slow, and repeating them took longer.
"""

EMBEDDED_AGENT = replace(EMBEDDED, settle=15.0)
"""A network plugin's policy engine programs policies some time after the API call."""

REMOTE = Timeouts(probe=2.0, settle=30.0, interval=0.5, exec=30.0, ready=180.0, cluster=600.0)
"""A real cluster programs policies some time after the API call (kind with Calico: well under ten seconds)."""
