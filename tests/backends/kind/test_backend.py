"""kind as a backend: the recorded success, clean-up after failures, kept clusters, leftovers."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.backends.base import LOGS, Capability
from netpol_harness.backends.kind.backend import KindBackend
from netpol_harness.backends.kind.options import KindFactory, KindOptions
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.wellknown import RUN_LABEL

IMAGE = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
CREATED = """Creating cluster "demo" ...
 ✓ Ensuring node image (kindest/node:v1.36.4) 🖼
 ✓ Preparing nodes 📦
 ✓ Starting control-plane 🕹️
Set kubectl context to "kind-demo"
"""
KUBEADM = 'networking:\n  podSubnet: "10.244.0.0/16"\n  serviceSubnet: "10.96.0.0/16"\n'

Cluster = Callable[[str], None]


@pytest.fixture
def can_be_made(docker: Any, api: Any, kubeconfig_of: Callable[[str, str], str]) -> Cluster:
    """kind makes clusters of this name, whose API is the server's."""

    def make(name: str) -> None:
        api.nodes(3)
        kubeconfig = kubeconfig_of(api.url, f"kind-{name}")
        docker.says("kind create cluster", err=CREATED, writes={"--kubeconfig": kubeconfig})
        docker.says("kind get kubeconfig", kubeconfig)
        docker.says("kind get nodes", f"{name}-worker\n{name}-control-plane\n")
        docker.says(f"docker exec {name}-control-plane cat", KUBEADM)

    return make


@pytest.fixture
def dead() -> str:
    """The name of a run whose owner has died in this process tree."""
    here = Owner.current()
    return Owner(here.pid, here.start + 1, here.boot, "abcdef").run


def options(**given: Any) -> KindOptions:
    return KindOptions(**{"cni": "kindnet", **given})


def obstacle(**given: Any) -> str:
    return str(KindFactory(options(**given)).obstacle())


def test_a_cluster_is_created_and_deleted(docker: Any, api: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    messages: list[str] = []
    backend = KindBackend(options(), run="1-2-abcdef-abcdef", progress=messages.append)
    cluster = backend.create("netpol-1", tmp_path)

    (create,) = docker.called("kind create cluster")
    config, kubeconfig = str(tmp_path / "kind-config.yaml"), str(tmp_path / "kubeconfig")
    assert create[3:] == [
        *("--name", "netpol-1", "--config", config, "--image", IMAGE, "--kubeconfig", kubeconfig),
        *("--wait", "0s", "--retain"),
    ]
    written = yaml.safe_load(Path(config).read_text())
    assert [node["role"] for node in written["nodes"]] == ["control-plane", "worker", "worker"]
    assert {node["labels"][RUN_LABEL] for node in written["nodes"]} == {"1-2-abcdef-abcdef"}
    assert written["networking"]["disableDefaultCNI"] is False

    assert (cluster.name, cluster.backend, cluster.context) == ("netpol-1", "kind", "kind-netpol-1")
    assert cluster.dataplane == "kindnet (kind's own) on kind"
    assert {Capability.TWO_NODES, Capability.EXTERNAL_HOSTS} <= cluster.capabilities
    assert Capability.IPV6 not in cluster.capabilities
    assert "kind: ✓ Preparing nodes 📦" in messages
    backend.delete(cluster.name)
    assert docker.called("kind delete cluster")[-1][3:] == ["--name", "netpol-1"]


def test_obstacles_are_reported_with_a_remedy(docker: Any) -> None:
    docker.says("docker image inspect", err="Error: No such image", code=1)
    lookup = 'Get "https://REGISTRY/v2/": dial tcp: lookup REGISTRY: no such host'
    docker.says("docker manifest inspect", err=lookup, code=1)
    assert f"cannot be pulled ({lookup}); `docker load`" in obstacle()
    assert "--offline forbids" in obstacle(offline=True)
    assert KindFactory(options(reuse_cluster="kept")).obstacle() is None, "its nodes have their image"
    docker.says("kind version", "kind v0.32.0 go1.25.1 linux/amd64")
    assert "older than the node image" in obstacle(kube_image="v1.37.0")
    (docker.directory / "kind").unlink()
    assert "kind is not installed" in obstacle()
    with pytest.raises(ClusterFailed, match=r"kind cannot be used here:\n  kind is not installed"):
        KindBackend(options()).create("netpol-1", Path("nowhere"))


def test_the_host_is_checked_once(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    docker.says("kind get clusters", "")
    choice = choose("auto", BackendOptions({"cni": "kindnet"}))
    cluster = choice.backend.create("netpol-1", tmp_path)
    choice.backend.delete(cluster.name)
    assert choice.backend.leftovers() == ()
    for question in ("docker info", "kind version", "docker image inspect"):
        assert len(docker.called(question)) == 1


PULL = """Creating cluster "demo" ...
ERROR: failed to create cluster: failed to pull image "none:1": command "docker pull none:1" failed with error: exit 1

Command Output: Error response from daemon: Get "https://REGISTRY/v2/": dial tcp: lookup REGISTRY: no such host
"""


def test_a_failed_cluster_is_deleted_and_explained(docker: Any, tmp_path: Path) -> None:
    docker.says("kind create cluster", err=PULL, code=1)
    with pytest.raises(ClusterFailed) as caught:
        KindBackend(options()).create("netpol-1", tmp_path)
    assert 'kind could not create the cluster netpol-1: failed to create cluster: failed to pull image "none:1"' in str(
        caught.value
    )
    assert "`docker pull none:1`" in str(caught.value)
    assert "lookup REGISTRY: no such host" in str(caught.value)
    assert docker.called("kind export logs")[0][3:] == [str(tmp_path / LOGS), "--name", "netpol-1"]
    assert docker.called("kind delete cluster")[0][3:] == ["--name", "netpol-1"]


def test_an_interrupted_cluster_is_deleted(
    docker: Any, can_be_made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    can_be_made("netpol-1")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netpol_harness.backends.kind.backend.provision", interrupted)
    with pytest.raises(KeyboardInterrupt):
        KindBackend(options()).create("netpol-1", tmp_path)
    assert docker.called("kind delete cluster")[0][3:] == ["--name", "netpol-1"]


def test_warnings_about_the_host_are_repeated_with_a_failure(docker: Any, tmp_path: Path) -> None:
    docker.says("kind create cluster", err="ERROR: failed to create cluster: whatever", code=1)
    with pytest.raises(ClusterFailed, match=r"earlier warning: the node image own:1 has no digest"):
        KindBackend(options(kube_image="own:1")).create("netpol-1", tmp_path)


def test_a_kept_cluster_stays_and_can_be_reused(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    run = Owner.current().run
    kept = f"netpol-kept-{run[-6:]}"
    can_be_made(kept)
    backend = KindBackend(options(keep_cluster=True), run=run)
    cluster = backend.create(f"netpol-{run}", tmp_path)
    backend.delete(cluster.name)
    assert cluster.name == kept
    assert not docker.called("kind delete cluster")

    again = tmp_path / "again"
    again.mkdir()
    other = KindBackend(options(cni="calico", reuse_cluster=kept))
    assert other.dataplane == cluster.dataplane, "the header tells what is there"
    reused = other.create("netpol-2", again)
    other.delete(reused.name)
    assert reused.dataplane == cluster.dataplane, "what it was created with, not what the command line says"
    assert reused.capabilities == cluster.capabilities
    assert len(docker.called("kind create cluster")) == 1
    assert not docker.called("kind delete cluster")


def test_a_kept_cluster_survives_its_failure(docker: Any, tmp_path: Path) -> None:
    docker.says("kind create cluster", err="ERROR: failed to create cluster: whatever", code=1)
    with pytest.raises(ClusterFailed):
        KindBackend(options(keep_cluster=True)).create("netpol-123456", tmp_path)
    assert not docker.called("kind delete cluster")


def test_a_kept_cluster_that_was_never_ready_is_finished_when_it_is_reused(
    docker: Any, api: Any, can_be_made: Cluster, tmp_path: Path
) -> None:
    can_be_made("netpol-kept-abcdef")
    manifest = tmp_path / "own.yaml"
    manifest.write_text(CALICO)
    backend = KindBackend(options(cni="calico", cni_manifest=manifest, reuse_cluster="netpol-kept-abcdef"))
    docker.says("kind get nodes", "".join(f"netpol-kept-abcdef-{name}\n" for name in ("control-plane", "a", "b")))
    cluster = backend.create("netpol-2", tmp_path)
    assert "Calico" in cluster.dataplane
    assert Capability.TWO_NODES in cluster.capabilities
    applied = [request for request in api.requests if request.startswith("PATCH")]
    assert applied[-1] == "PATCH /api/v1/namespaces/kube-system/configmaps/netpol-harness"
    assert len(applied) == 4
    assert backend.create("netpol-3", tmp_path).dataplane == cluster.dataplane
    assert len([request for request in api.requests if request.startswith("PATCH")]) == 4, "now it is finished"


def test_a_foreign_cluster_is_used_as_it_is(docker: Any, api: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("theirs")
    KindBackend(options(cni="kindnet", reuse_cluster="theirs")).create("netpol-2", tmp_path)
    assert not [request for request in api.requests if not request.startswith("GET")]


def test_a_cluster_to_reuse_that_does_not_exist(docker: Any, tmp_path: Path) -> None:
    output = "ERROR: could not locate any control plane nodes for cluster named 'gone'. Use the --name option to select"
    docker.says("kind get kubeconfig", err=output, code=1)
    with pytest.raises(ClusterFailed, match="`kind get clusters` lists them"):
        KindBackend(options(reuse_cluster="gone")).create("netpol-1", tmp_path)
    assert KindBackend(options(reuse_cluster="gone")).dataplane == "that of the kind cluster gone"


def test_the_clusters_of_dead_runs_are_leftovers(docker: Any, dead: str) -> None:
    alive, elsewhere = Owner.current().run, dead.replace(Owner.current().boot, "000000")
    names = ["mine", "netpol-kept-abcdef", f"netpol-{alive}", f"netpol-{elsewhere}", f"netpol-{dead}", dead]
    docker.says("kind get clusters", "\n".join(names))
    docker.says("docker ps", "c0ffee\n")
    backend = KindBackend(options())
    assert [left.name for left in backend.leftovers()] == [f"netpol-{dead}"]
    backend.delete(f"netpol-{dead}")
    assert docker.called("docker ps")[0][-1] == f"label=netpol-harness.cluster=netpol-{dead}"
    assert docker.called("docker rm")[0][-1] == "c0ffee"
    assert docker.called("kind delete cluster")[0][-1] == f"netpol-{dead}"


def test_without_kind_there_are_no_leftovers(programs: Any) -> None:
    assert KindBackend(options()).leftovers() == ()


def archive(file: Path, *images: tuple[str, str]) -> Path:
    """What ``docker save`` writes of images, given by their names and the digests of their configurations."""
    manifest = [{"Config": f"blobs/sha256/{digest}", "RepoTags": [name], "Layers": []} for name, digest in images]
    text = json.dumps(manifest).encode()
    with tarfile.open(file, "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return file


def held(*images: tuple[str, str]) -> str:
    """The list of images of a node."""
    return json.dumps({"images": [{"id": f"sha256:{digest}", "repoTags": [name]} for name, digest in images]})


NODES = "netpol-1-control-plane,netpol-1-worker"


def test_archives_are_loaded_into_all_nodes_at_once(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    docker.says("docker exec netpol-1-worker crictl", code=127, err="crictl: not found")
    docker.says("docker exec netpol-1-control-plane crictl", held())
    archives = (archive(tmp_path / "a.tar", ("nginx:1", "aa")), tmp_path / "b.tar")
    archives[1].write_text("no tar at all")
    KindBackend(options(load_image=archives)).create("netpol-1", tmp_path)
    assert [call[3:] for call in docker.called("kind load image-archive")] == [
        [str(one), "--name", "netpol-1", "--nodes", NODES] for one in archives
    ]


def test_an_image_of_the_engine_is_saved_once(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    docker.says("docker exec netpol-1-worker crictl", held())
    docker.says("docker exec netpol-1-control-plane crictl", held())
    docker.says("docker save", writes={"--output": "images"})
    KindBackend(options(load_image=("agnhost:2.53",))).create("netpol-1", tmp_path)
    (save,) = docker.called("docker save")
    (load,) = docker.called("kind load image-archive")
    assert save[-1] == "agnhost:2.53"
    assert save[3] == load[3]
    assert load[-1] == NODES
    assert not Path(save[3]).exists()
    docker.says("docker image inspect --format {{.Id}} gone.tar", err="Error: No such image: gone.tar", code=1)
    with pytest.raises(ClusterFailed, match=r"--netpol-load-image gone\.tar: neither a file nor an image of docker"):
        KindBackend(options(load_image=("gone.tar",))).create("netpol-1", tmp_path)


def test_a_second_run_on_a_kept_cluster_loads_only_missing_images(
    docker: Any, api: Any, can_be_made: Cluster, tmp_path: Path
) -> None:
    can_be_made("netpol-1")
    images = archive(tmp_path / "a.tar", ("nginx:1", "aa"), ("quay.io/x/y:2", "bb"))
    there = held(("docker.io/library/nginx:1", "aa"), ("quay.io/x/y:2", "bb"))
    docker.says("docker exec netpol-1-control-plane crictl", there)
    docker.says("docker exec netpol-1-worker crictl", there)
    reuse = KindBackend(options(reuse_cluster="netpol-1", load_image=(images,)))
    reuse.create("netpol-2", tmp_path)
    assert not docker.called("kind load")
    assert not [request for request in api.requests if not request.startswith("GET")]
    docker.says("docker exec netpol-1-worker crictl", held(("docker.io/library/nginx:1", "other bits")))
    reuse.create("netpol-2", tmp_path)
    assert [call[-1] for call in docker.called("kind load image-archive")] == ["netpol-1-worker"]


def test_a_missing_node_image_is_pulled_first(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    docker.says("docker image inspect", code=1)
    docker.says("docker manifest inspect", "{}")
    docker.says("docker pull", "")
    KindBackend(options()).create("netpol-1", tmp_path)
    assert docker.called("docker pull") == [["docker", "pull", "--quiet", IMAGE]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cni": "flannel", "ip_family": IpFamily.DUAL}, "has no IPv6 here"),
        ({"cni": "calicoo"}, "did you mean calico"),
    ],
)
def test_invalid_options(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClusterFailed, match=expected):
        KindBackend(options(**given))


def test_logs_are_exported(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    backend = KindBackend(options())
    cluster = backend.create("netpol-1", tmp_path)
    docker.says("kind export logs", err='ERROR: [command "docker exec ... crictl images" failed', code=1)
    backend.collect_logs(cluster, tmp_path)
    assert docker.called("kind export logs")[-1][3:] == [str(tmp_path), "--name", "netpol-1"]


CALICO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: calico-config, namespace: kube-system}
data:
  cni_network_config: |-
    {"plugins": [{"type": "calico", "mtu": __CNI_MTU__, "ipam": {"type": "calico-ipam"}}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  template:
    spec:
      containers:
        - name: calico-node
          image: quay.io/calico/node:v3.32.2
          env: [{name: IP, value: autodetect}, {name: FELIX_IPV6SUPPORT, value: "false"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: calico-kube-controllers, namespace: kube-system}
spec:
  template: {spec: {containers: [{name: c, image: "quay.io/calico/kube-controllers:v3.32.2"}]}}
"""


@pytest.mark.parametrize("family", ["ipv4", "dual", "ipv6"])
@pytest.mark.parametrize("cni", ["calico", "calico-nftables", "calico-vxlan"])
def test_calico_from_a_given_manifest(
    docker: Any, api: Any, can_be_made: Cluster, tmp_path: Path, cni: str, family: str
) -> None:
    can_be_made("netpol-1")
    manifest = tmp_path / "own.yaml"
    manifest.write_text(CALICO)
    wanted = options(cni=cni, cni_manifest=manifest, image_prefix="mirror.example/cache", ip_family=IpFamily(family))
    cluster = KindBackend(wanted).create("netpol-1", tmp_path)

    config = api.objects["/api/v1/namespaces/kube-system/configmaps/calico-config"]["data"]["cni_network_config"]
    assert '"policy_setup_timeout_seconds": 10' in config
    daemon = api.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node"]
    (container,) = daemon["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert container["image"] == "mirror.example/cache/calico/node:v3.32.2"
    assert environment["FELIX_USAGEREPORTINGENABLED"] == "false"
    assert environment["FELIX_IPV6SUPPORT"] == ("false" if family == "ipv4" else "true")
    assert environment["IP"] == ("none" if family == "ipv6" else "autodetect")
    assert environment.get("FELIX_NFTABLESMODE") == ("Enabled" if cni == "calico-nftables" else None)
    assert (Capability.IPV6 in cluster.capabilities) == (family != "ipv4")
    written = yaml.safe_load((tmp_path / "kind-config.yaml").read_text())["networking"]
    assert written["disableDefaultCNI"] is True
    assert written.get("kubeProxyMode") == ("nftables" if cni == "calico-nftables" else None)
    assert docker.called("kind create cluster")[0][8].startswith("mirror.example/cache/kindest/node:v1.36.4@sha256:")


def test_podman_is_used_where_docker_is_not(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    (docker.directory / "docker").unlink()
    facts = {"host": {"cgroupVersion": "v2", "memTotal": 2**34, "kernel": os.uname().release}, "version": {}}
    docker.says("podman info", json.dumps(facts))
    docker.says("podman image inspect", "sha256:abc")
    docker.says("podman ps", "")
    backend = KindBackend(options())
    backend.delete(backend.create("netpol-1", tmp_path).name)
    assert docker.called("kind delete cluster")


def test_external_hosts_have_the_clusters_subnets_and_nodes(docker: Any, can_be_made: Cluster, tmp_path: Path) -> None:
    can_be_made("netpol-1")
    backend = KindBackend(options(image_prefix="mirror.example"))
    site = backend.external_hosts(backend.create("netpol-1", tmp_path)).site
    expected: Sequence[str] = ("10.244.0.0/16", "10.96.0.0/16")
    assert site.subnets == expected
    assert site.nodes == ("netpol-1-control-plane", "netpol-1-worker")
    assert site.image.startswith("mirror.example/nicolaka/netshoot:")
