"""The kinds that make pods, on a real embedded cluster with the real kubectl."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.live

SERVER = {"containers": [{"name": "c", "image": "server:1", "ports": [{"containerPort": 5432}]}]}


def workload(kind: str, name: str, pod: Mapping[str, Any] = SERVER, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    selector = {} if kind == "Job" else {"selector": {"matchLabels": {"app": name}}}
    version = "batch/v1" if kind == "Job" else "apps/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "workloads"},
        "spec": {**selector, "template": template, **spec},
    }


def program(command: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", command]}],
    }


@pytest.fixture(scope="module")
def space(kubectl: Any) -> Iterator[Any]:
    """A namespace with a StatefulSet, its headless Service, a DaemonSet and a client."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db", "namespace": "workloads"},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 5432}]},
    }
    kubectl.ok("create", "namespace", "workloads")
    apply(
        kubectl,
        service,
        workload("StatefulSet", "db", replicas=2, serviceName="db"),
        workload("DaemonSet", "agent"),
        workload("Deployment", "client", {"containers": [{"name": "c", "image": "client:1"}]}),
    )
    for name in ("statefulset/db", "daemonset/agent", "deployment/client"):
        kubectl.ok("rollout", "status", "-n", "workloads", name, "--timeout=20s")
    yield kubectl
    kubectl.ok("delete", "namespace", "workloads")


def apply(kubectl: Any, *objects: Mapping[str, Any]) -> None:
    kubectl.ok("apply", "-f", "-", data="\n---\n".join(map(json.dumps, objects)))


def connect(space: Any, host: str) -> str:
    command = f"getent hosts {host} && nc -z -w 5 {host} 5432 && echo open"
    return str(space.ok("exec", "-n", "workloads", "deployment/client", "--", "sh", "-c", command))


def test_each_pod_of_a_stateful_set_has_a_name_that_outlives_it(space: Any) -> None:
    for _ in range(2):
        address = space.ok("get", "pod", "-n", "workloads", "db-1", "-o", "jsonpath={.status.podIP}")
        answer = connect(space, "db-1.db.workloads.svc.cluster.local")
        assert answer.split() == [address, "db-1.db.workloads.svc.cluster.local", "open"]
        space.ok("delete", "pod", "-n", "workloads", "db-1")
        space.ok("rollout", "status", "-n", "workloads", "statefulset/db", "--timeout=20s")


@pytest.mark.parametrize("name", ["statefulset/db", "daemonset/agent"])
def test_a_restart_is_a_revision_that_can_be_undone(space: Any, name: str) -> None:
    for verb in ("restart", "undo"):
        space.ok("rollout", verb, "-n", "workloads", name)
        space.ok("rollout", "status", "-n", "workloads", name, "--timeout=20s")
    history = space.ok("rollout", "history", "-n", "workloads", name).splitlines()
    assert [line.split()[0] for line in history if line[:1].isdigit()] == ["2", "3"]


def test_a_job_runs_to_its_end(space: Any) -> None:
    apply(
        space, workload("Job", "load", program("echo $JOB_COMPLETION_INDEX"), completionMode="Indexed", completions=1)
    )
    space.ok("wait", "-n", "workloads", "--for=condition=complete", "job/load", "--timeout=20s")
    assert space.ok("logs", "-n", "workloads", "job/load") == "0\n"


def test_a_job_that_cannot_succeed_has_failed(space: Any) -> None:
    apply(space, workload("Job", "broken", program("exit 3"), backoffLimit=1))
    space.ok("wait", "-n", "workloads", "--for=condition=failed", "job/broken", "--timeout=20s")
    status = json.loads(space.ok("get", "job", "-n", "workloads", "broken", "-o", "json"))["status"]
    assert (status["failed"], status.get("active", 0)) == (2, 0)


def test_a_cron_job_is_run_on_request(space: Any) -> None:
    cron_job = workload("Job", "nightly", program("true"))
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": cron_job["spec"]}}
    apply(space, {**cron_job, "kind": "CronJob", "spec": spec})
    space.ok("create", "job", "-n", "workloads", "now", "--from=cronjob/nightly")
    space.ok("wait", "-n", "workloads", "--for=condition=complete", "job/now", "--timeout=20s")
    assert "nightly" in space.ok("get", "job", "-n", "workloads", "now", "-o", "jsonpath={.metadata.ownerReferences}")


@pytest.mark.parametrize(("cascade", "left"), [("foreground", 0), ("background", 0), ("orphan", 2)])
def test_deletion_decides_about_the_pods(space: Any, cascade: str, left: int) -> None:
    apply(space, workload("ReplicaSet", cascade, replicas=2))
    space.ok("wait", "-n", "workloads", "--for=jsonpath={.status.readyReplicas}=2", f"rs/{cascade}", "--timeout=20s")
    space.ok("delete", "rs", "-n", "workloads", cascade, f"--cascade={cascade}")
    pods = f"pod -n workloads -l app={cascade}".split()
    if not left:
        space.ok("wait", "--for=delete", *pods, "--timeout=20s")
    assert len(space.ok("get", *pods, "-o", "name").split()) == left


def test_objects_without_a_meaning_are_stored(space: Any) -> None:
    meta = {"namespace": "workloads", "name": "a"}
    role = {"kind": "Role", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}
    apply(
        space,
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": []},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta, "roleRef": role},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": {"minAvailable": 1}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"ingressClassName": "x"}},
    )
    table = space.ok("get", "-n", "workloads", "rolebinding,ingress,pdb,role")
    assert "Role/a" in table
    assert "x " in next(line for line in table.splitlines() if "ingress.networking.k8s.io/a" in line)
