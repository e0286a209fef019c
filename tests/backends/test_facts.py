from typing import Any

import pytest

from netpol_harness.backends.facts import Facts, NodeFacts, Plugin, gather, plugins, version_of
from netpol_harness.errors import ApiError

NODE = {
    "metadata": {"name": "worker"},
    "status": {
        "addresses": [{"type": "InternalIP", "address": "172.18.0.2"}, {"type": "Hostname", "address": "worker"}],
        "nodeInfo": {
            "kernelVersion": "6.12.0",
            "osImage": "Debian GNU/Linux 13",
            "architecture": "amd64",
            "containerRuntimeVersion": "containerd://2.2.0",
            "kubeletVersion": "v1.36.4",
        },
    },
}


def daemon(name: str, image: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


class Answers:
    """A client that has these DaemonSets in calico-system, and may hide its nodes."""

    def __init__(self, *daemons: dict[str, Any], hides_nodes: object = None) -> None:
        self._daemons, self._hides_nodes = daemons, hides_nodes

    def version(self) -> str:
        return "v1.36.4"

    def list(self, api_version: str, kind: str, *, namespace: str = "") -> list[dict[str, Any]]:
        if kind == "Node":
            if self._hides_nodes:
                raise ApiError(403, "Forbidden", "nodes are forbidden")
            return [NODE]
        if namespace == "kube-system":
            raise ApiError(403, "Forbidden", "daemonsets are forbidden")
        return [*self._daemons] if namespace == "calico-system" else []


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/calico/node:v3.32.2", "v3.32.2"),
        ("mirror.local:5000/calico/node:v3.32.2@sha256:00ff", "v3.32.2"),
        ("mirror.local:5000/calico/node", ""),
        ("docker.io/kindest/kindnetd:v20250512-df8de77b", "v20250512-df8de77b"),
        ("calico/node@sha256:00ff", ""),
        ("", ""),
    ],
)
def test_the_version_is_the_tag_of_the_image(image: str, version: str) -> None:
    assert version_of(image) == version


def test_what_a_cluster_is() -> None:
    client: Any = Answers(daemon("calico-node", "quay.io/calico/node:v3.32.2"), daemon("csi-node-driver", "x:1"))
    found = gather(client)
    assert found.kubernetes == "v1.36.4"
    assert found.plugins == (Plugin("Calico", "v3.32.2", "quay.io/calico/node:v3.32.2"),)
    expected = ("worker", "6.12.0", "Debian GNU/Linux 13", "amd64", "containerd://2.2.0", "v1.36.4", ("172.18.0.2",))
    assert found.nodes == (NodeFacts(*expected),)
    assert Facts.from_json(found.to_json()) == found


def test_what_the_user_may_not_see_is_left_out() -> None:
    client: Any = Answers(hides_nodes=True)
    assert gather(client) == Facts("v1.36.4")


def test_a_daemon_set_without_containers_is_still_named() -> None:
    (found,) = plugins(lambda namespace: [{"metadata": {"name": "kindnet"}}] if namespace == "kube-system" else [])
    assert (str(found), found.version) == ("kindnet", "")
