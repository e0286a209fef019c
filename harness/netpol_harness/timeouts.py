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

    ``quickest`` is the part of ``probe`` that an attempt gets as long as everything that answers is quick.
    """

    probe: float
    settle: float
    interval: float
    exec: float
    ready: float
    cluster: float
    quickest: float = 1.0


EMBEDDED = Timeouts(probe=0.25, settle=1.5, interval=0.05, exec=20.0, ready=20.0, cluster=30.0, quickest=0.68)
"""A round trip takes microseconds there and a policy is in force before the API call returns. What takes time is to
start the tools: 40 ms in a round of 30 probes on two processors that do nothing else. Silence on a name counts in a
round that is four times quicker than a probe: with half of the time-out, every third such round had to be repeated."""

EMBEDDED_AGENT = replace(EMBEDDED, settle=15.0, quickest=1.0)
"""A network plugin's policy engine programs policies some time after the API call, and may judge packets itself."""

REMOTE = Timeouts(probe=2.0, settle=30.0, interval=0.5, exec=30.0, ready=180.0, cluster=600.0)
"""A real cluster programs policies some time after the API call (kind with Calico: well under ten seconds). TCP repeats
its first packet after a second: half of these seconds would be too few."""
