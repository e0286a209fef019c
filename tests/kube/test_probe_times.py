"""How long the probes of a pod take to fail."""

from typing import Any

import pytest

from netpol_harness.kube.probe_times import seconds_to_fail


@pytest.mark.parametrize(
    ("containers", "seconds"),
    [
        ([{"name": "a"}], 0),
        ([{"name": "a", "readinessProbe": {"tcpSocket": {"port": 80}}}], 31),
        ([{"name": "a", "livenessProbe": {"periodSeconds": 1, "failureThreshold": 2, "timeoutSeconds": 5}}], 7),
        ([{"name": "a", "startupProbe": {"periodSeconds": 100}}], 0),
        (
            [
                {"name": "a", "readinessProbe": {"periodSeconds": 2, "failureThreshold": 1}},
                {"name": "b", "livenessProbe": {"periodSeconds": 3, "failureThreshold": 4}},
            ],
            13,
        ),
    ],
)
def test_every_probe_has_had_the_time_to_fail(containers: list[dict[str, Any]], seconds: float) -> None:
    assert seconds_to_fail({"spec": {"containers": containers}}) == seconds
