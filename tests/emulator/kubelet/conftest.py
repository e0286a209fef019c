"""Pods that several modules share."""

from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION
from tests.emulator.kubelet.live_pods import pod


@pytest.fixture(scope="module")
def pods(kubectl: Any) -> Iterator[Any]:
    """Run ``web`` and ``db`` (TCP, UDP), ``user`` (an external host), ``agent`` (on the node's network), Services."""
    both = [{"containerPort": 3306, "name": "sql"}, {"containerPort": 53, "protocol": "UDP"}]
    kubectl.run_pods(
        pod("web", container={"env": [{"name": "COLOUR", "value": "green"}]}),
        pod("db", ports=both),
        pod("user", annotations={EXTERNAL_HOST_ANNOTATION: ""}),
        pod("partner", annotations={EXTERNAL_HOST_ANNOTATION: "198.51.100.7"}),
        pod("agent", hostNetwork=True, ports=[{"containerPort": 9100}]),
    )
    kubectl.ok("expose", "pod", "db", "--port=3306")
    kubectl.ok("expose", "pod", "db", "--port=3306", "--name=headless", "--cluster-ip=None")
    yield kubectl
    kubectl.ok("delete", "pod,service", "--all", "--wait=true")
