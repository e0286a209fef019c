"""How long the kubelet's probes of a pod may take to change whether it is Ready. PURE.

Specification: Probe of core/v1, with its defaults.
"""

from collections.abc import Iterator

from netpol_harness.model.json_object import JsonMapping

_KINDS = ("readinessProbe", "livenessProbe")


def seconds_to_fail(pod: JsonMapping) -> float:
    """Return the seconds after which every probe of the pod that does not succeed has failed; 0 without probes."""
    return max(_durations(pod), default=0.0)


def _durations(pod: JsonMapping) -> Iterator[float]:
    """A probe begins at most a period after the change, and fails after so many time-outs, a period apart."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        for probe in (container[kind] for kind in _KINDS if container.get(kind)):
            period, timeout = float(probe.get("periodSeconds") or 10), float(probe.get("timeoutSeconds") or 1)
            yield period * int(probe.get("failureThreshold") or 3) + timeout
