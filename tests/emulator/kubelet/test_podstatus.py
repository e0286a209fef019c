"""The status that the kubelet writes."""

from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.emulator.address_plan import AddressPlan
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.ip_family import IpFamily
from netpol_harness.model.objects import Pod

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
HOST = AddressPlan().node()
POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "containers": [{"name": "c", "image": "nginx"}],
        "initContainers": [{"name": "once", "image": "x"}, {"name": "side", "image": "x", "restartPolicy": "Always"}],
    },
}


def conditions(pod: dict[str, Any]) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in pod["status"]["conditions"]}


def test_a_scheduled_pod_has_node_and_address_but_is_not_ready() -> None:
    scheduled = podstatus.scheduled(POD, HOST, ["10.244.0.7"], NOW)
    assert scheduled["spec"]["nodeName"] == "embedded"
    assert scheduled["status"]["phase"] == "Pending"
    assert Pod.parse(scheduled).addresses == ("10.244.0.7",)
    assert conditions(scheduled)["PodScheduled"] == "True"
    assert conditions(scheduled)["Ready"] == "False"
    assert scheduled["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    ready = next(entry for entry in scheduled["status"]["conditions"] if entry["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [c side]")
    initialized = next(entry for entry in scheduled["status"]["conditions"] if entry["type"] == "Initialized")
    assert initialized["message"] == "containers with incomplete status: [once side]"


def test_a_running_pod_is_ready_and_keeps_its_address() -> None:
    running = podstatus.with_all_running(podstatus.scheduled(POD, HOST, ["10.244.0.7"], NOW), NOW)
    assert running["status"]["phase"] == "Running"
    assert set(conditions(running).values()) == {"True"}
    assert running["status"]["podIP"] == "10.244.0.7"
    assert running["status"]["containerStatuses"][0]["ready"] is True
    first, second = running["status"]["initContainerStatuses"]
    assert "terminated" in first["state"]
    assert "running" in second["state"]


@pytest.mark.parametrize(("started", "ready"), [(False, False), (True, False), (True, True)])
def test_a_container_is_ready_when_its_probes_say_so(*, started: bool, ready: bool) -> None:
    scheduled = podstatus.scheduled(
        {**POD, "spec": {"containers": POD["spec"]["containers"]}}, HOST, ["10.244.0.7"], NOW
    )
    running = replace(podstatus.running_container(NOW), started=started, ready=ready)
    changed = podstatus.with_container_states(scheduled, {"c": running}, LATER)
    (status,) = changed["status"]["containerStatuses"]
    assert (status["started"], status["ready"]) == (started, ready)
    assert (changed["status"]["phase"], conditions(changed)["Ready"]) == ("Running", str(ready))


def test_conditions_keep_their_times_and_their_neighbours() -> None:
    scheduled = podstatus.scheduled(POD, HOST, ["10.244.0.7"], NOW)
    scheduled["status"]["conditions"].append({"type": "example.com/gate", "status": "True"})
    times = {
        c["type"]: c.get("lastTransitionTime")
        for c in podstatus.with_all_running(scheduled, LATER)["status"]["conditions"]
    }
    assert times["PodScheduled"] == NOW
    assert times["Ready"] == LATER
    assert "example.com/gate" in times


def test_inputs_are_not_changed() -> None:
    podstatus.scheduled(POD, HOST, ["10.244.0.7"], NOW)
    assert "status" not in POD
    assert "nodeName" not in POD["spec"]


def test_the_node_is_ready_and_names_its_data_plane() -> None:
    version = {
        "architecture": "amd64",
        "kernel": "6",
        "system": "s",
        "kubernetes": "v1",
        "dataplane": "network namespaces",
    }
    node = podstatus.node(AddressPlan.of(IpFamily.DUAL).node(), NOW, 254, version)
    assert node["status"]["conditions"][0]["status"] == "True"
    assert node["spec"] == {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24", "fd00:10:244::/64"]}
    addresses = [entry["address"] for entry in node["status"]["addresses"]]
    assert addresses == ["192.0.2.1", "fd00:192:0:2::1", "embedded"]
    assert node["metadata"]["labels"]["netpol-harness/dataplane"] == "embedded"
    assert node["metadata"]["annotations"]["netpol-harness/dataplane"] == "network namespaces"
    assert node["status"]["capacity"]["pods"] == "254"


def test_a_pod_and_its_node_have_an_address_of_each_family() -> None:
    plan = AddressPlan.of(IpFamily.DUAL).node()
    status = podstatus.scheduled(POD, plan, ["10.244.0.7", "fd00:10:244::7"], NOW)["status"]
    assert (status["podIP"], status["hostIP"]) == ("10.244.0.7", "192.0.2.1")
    assert status["podIPs"] == [{"ip": "10.244.0.7"}, {"ip": "fd00:10:244::7"}]
    assert status["hostIPs"] == [{"ip": "192.0.2.1"}, {"ip": "fd00:192:0:2::1"}]
