"""The official Python client, as the harness and its users use it."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes import watch as watches
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config_dict
from kubernetes.stream import stream

from netpol_harness.emulator.apiserver.kubeconfig import kubeconfig

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "a", "image": "nginx"}]},
}


@pytest.fixture
def api(served: Any) -> Iterator[Any]:
    """Return a client with the server's kubeconfig."""
    with new_client_from_config_dict(kubeconfig(served.port, served.token)) as api:
        yield api
        api.rest_client.pool_manager.clear()


@pytest.fixture
def core(api: Any) -> Any:
    core: Any = client.CoreV1Api(api)
    core.create_namespaced_pod("default", POD)
    return core


def test_typed_objects(core: Any) -> None:
    assert core.read_namespaced_pod("web", "default").status.phase == "Running"
    assert [pod.metadata.name for pod in core.list_pod_for_all_namespaces(label_selector="app=web").items] == ["web"]
    patched = core.patch_namespaced_pod("web", "default", {"metadata": {"labels": {"tier": "front"}}})
    assert patched.metadata.labels == {"app": "web", "tier": "front"}
    assert core.read_namespaced_pod_log("web", "default") == "first\nsecond\n"


def test_errors_carry_the_status(api: Any) -> None:
    policy = {"metadata": {"name": "np"}, "spec": {"podSelector": {}, "policyTypes": ["Both"]}}
    networking: Any = client.NetworkingV1Api(api)
    with pytest.raises(ApiException) as refusal:
        networking.create_namespaced_network_policy("default", policy)
    assert refusal.value.status == 422
    assert "FieldValueNotSupported" in str(refusal.value.body)


@pytest.mark.parametrize(("argv", "out", "code"), [(["echo", "hi"], "hi\n", 0), (["sh", "-c", "exit 3"], "", 3)])
def test_exec(core: Any, argv: list[str], out: str, code: int) -> None:
    session = stream(
        core.connect_get_namespaced_pod_exec,
        "web",
        "default",
        command=argv,
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    session.run_forever(timeout=10)
    assert (session.read_stdout(), session.returncode) == (out, code)
    session.sock.shutdown()  # the client's own close() leaves the socket open once the server has closed


def test_watch(core: Any) -> None:
    following = watches.Watch()
    seen = []
    for event in following.stream(core.list_namespaced_pod, "default", timeout_seconds=5):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "ADDED":
            core.delete_namespaced_pod("web", "default")
        if event["type"] == "DELETED":
            following.stop()
    assert (seen[0], seen[-1]) == (("ADDED", "web"), ("DELETED", "web"))


def test_delete_collection(core: Any) -> None:
    core.delete_collection_namespaced_pod("default")
    assert core.list_namespaced_pod("default").items == []
