from typing import Any

import pytest

from netpol_harness.emulator.apiserver.built_in_kinds import BY_PLURAL, RESOURCES
from netpol_harness.emulator.apiserver.columns import columns_of
from netpol_harness.emulator.apiserver.table import human_duration, render_table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (119, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 60, "5h1m"),
        (47 * 3600, "47h"),
        (76 * 3600, "3d4h"),
        (30 * 86400, "30d"),
        (740 * 86400, "2y10d"),
        (3000 * 86400, "8y"),
    ],
)
def test_durations_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def cells(plural: str, obj: dict[str, Any]) -> dict[str, object]:
    """Return the cells of one object by heading."""
    table = render_table(BY_PLURAL[plural], columns_of(plural), [obj], include="None", version="1")
    headings = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(headings, table["rows"][0]["cells"], strict=True))


def test_a_pod() -> None:
    statuses = [
        {"ready": True, "restartCount": 2},
        {"ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    ]
    pod = {
        "metadata": {"name": "a"},
        "spec": {"containers": [{}, {}], "nodeName": "n"},
        "status": {"phase": "Running", "podIP": "10.244.0.2", "containerStatuses": statuses},
    }
    row = cells("pods", pod)
    assert (row["Name"], row["Ready"], row["Status"], row["Restarts"]) == ("a", "1/2", "CrashLoopBackOff", "2")
    assert (row["IP"], row["Node"], row["Nominated Node"]) == ("10.244.0.2", "n", "<none>")
    leaving = {**pod, "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert cells("pods", leaving)["Status"] == "Terminating"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["terminated 0", "running", "waiting PodInitializing"], "Init:1/3"),
        (["terminated 3", "waiting PodInitializing"], "Init:Error"),
        (["terminated 0", "waiting CrashLoopBackOff"], "Init:CrashLoopBackOff"),
        (["terminated 0", "terminated 0"], "PodInitializing"),
    ],
)
def test_a_pod_that_waits_for_its_init_containers(states: list[str], expected: str) -> None:
    statuses = []
    for i, text in enumerate(states):
        word, _, rest = text.partition(" ")
        state = {"exitCode": int(rest), "reason": "Error" if rest != "0" else "Completed"} if rest.isdecimal() else {}
        statuses.append({"name": f"i{i}", "state": {word: state or {"reason": rest}}})
    waiting = {"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}
    status = {"phase": "Pending", "initContainerStatuses": statuses, "containerStatuses": [waiting]}
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{}], "initContainers": []}, "status": status}
    assert cells("pods", pod)["Status"] == expected


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"completions": 2}, {"succeeded": 1}, ("Running", "1/2", "")),
        ({"parallelism": 3}, {}, ("Running", "0/1 of 3", "")),
        (
            {"completions": 1},
            {
                "succeeded": 1,
                "startTime": "2026-01-01T00:00:00Z",
                "completionTime": "2026-01-01T00:00:09Z",
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            ("Complete", "1/1", "9s"),
        ),
    ],
)
def test_a_job(spec: dict[str, Any], status: dict[str, Any], expected: tuple[str, str, str]) -> None:
    job = {"metadata": {"name": "a"}, "spec": {**spec, "template": {"spec": {}}}, "status": status}
    row = cells("jobs", job)
    assert (row["Status"], row["Completions"], row["Duration"]) == expected


def test_a_service() -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    spec = {"type": "NodePort", "clusterIP": "10.96.1.2", "ports": ports, "selector": {"b": "2", "a": "1"}}
    row = cells("services", {"metadata": {"name": "s"}, "spec": spec})
    assert (row["Port(s)"], row["Selector"], row["External-IP"]) == ("80:30080/TCP,53/UDP", "a=1,b=2", "<none>")


def test_a_policy() -> None:
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}
    assert (
        cells("networkpolicies", {"metadata": {"name": "p"}, "spec": {"podSelector": selector}})["Pod-Selector"]
        == "a=b,c"
    )


@pytest.mark.parametrize("plural", [resource.plural for resource in RESOURCES])
def test_a_bare_object_of_every_kind_has_a_row(plural: str) -> None:
    bare: dict[str, Any] = {"metadata": {"name": "bare"}, "spec": {"template": {"spec": {}}}}
    row = cells(plural, bare)
    assert row["Name"] == "bare"
