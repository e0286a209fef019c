"""Definitions of CNIs: the shipped ones, one's own, and everything that can be wrong with one."""

from pathlib import Path

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.backends.cni.definition import CniDefinition, load
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.errors import ClusterFailed

SHIPPED = Path(__file__).resolve().parents[3] / "manifests" / "cni"
MINIMAL = "title: mine\nenforces: true\nnetworking: {disableDefaultCNI: true}\n"


def own(directory: Path, text: str, name: str = "own.yaml") -> CniDefinition:
    (directory / name).write_text(text)
    return load(str(directory / name), SHIPPED)


def test_all_shipped_definitions_are_valid() -> None:
    names = {file.stem for file in SHIPPED.glob("*.yaml")}
    assert names == {"calico", "calico-nftables", "calico-vxlan", "kindnet", "flannel", "cilium"}
    found = {name: load(name, SHIPPED) for name in names}
    assert {name for name, cni in found.items() if not cni.enforces} == {"flannel"}
    assert {name for name, cni in found.items() if not cni.networking["disableDefaultCNI"]} == {"kindnet"}
    assert {name for name, cni in found.items() if Capability.SCTP in cni.capabilities} == {
        n for n in names if "cal" in n
    }


def test_calico_is_pinned() -> None:
    calico = load("calico", SHIPPED)
    (manifest,) = calico.manifests
    assert manifest.url.endswith("/v3.32.2/manifests/calico.yaml")
    assert manifest.sha256 == "a8c828a06a87c629a282ebbc424895b77f3a030251993e41ea400a743675bb02"
    assert calico.wait[0] == ObjectPattern("DaemonSet", "kube-system", "calico-node")
    assert calico.kubernetes == (34, 36)


def test_a_variant_extends_another() -> None:
    calico, nftables, vxlan = (load(name, SHIPPED) for name in ("calico", "calico-nftables", "calico-vxlan"))
    assert nftables.manifests == calico.manifests
    assert nftables.networking == {"disableDefaultCNI": True, "kubeProxyMode": "nftables"}
    assert nftables.patches[: len(calico.patches)] == calico.patches
    assert vxlan.manifests != calico.manifests
    assert (vxlan.wait, vxlan.capabilities, vxlan.kubernetes) == (calico.wait, calico.capabilities, calico.kubernetes)
    assert len({calico.title, nftables.title, vxlan.title}) == 3


def test_a_plain_manifest_is_a_cni(tmp_path: Path) -> None:
    found = own(tmp_path, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Pod\n")
    assert found.manifests[0].file == tmp_path / "own.yaml"
    assert found.networking == {"disableDefaultCNI": True}
    assert found.title.startswith("own (from ")


def test_local_files_are_relative_to_the_definition(tmp_path: Path) -> None:
    found = own(tmp_path, MINIMAL + "manifests: [{file: sub/m.yaml}]\n")
    assert found.manifests[0].file == tmp_path / "sub/m.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enforces: true\nnetworking: {}\n", "own.yaml:1:1: 'title' is missing"),
        ("title: x\n", "'enforces' is missing; add 'enforces:' here, or 'extends:' with another CNI"),
        (MINIMAL + "waits: []\n", "own.yaml:4:1: unknown key 'waits'; did you mean wait?"),
        (MINIMAL + "enforces: 'yes'\n", "enforces"),
        (MINIMAL + "manifests: [{url: 'https://x/y'}]\n", "own.yaml:4:13: a URL without a checksum"),
        (MINIMAL + "manifests: [{url: 'https://x/y', sha256: abc}]\n", "'abc' is not a checksum"),
        (MINIMAL + "manifests: [{url: 'ftp://x/y', sha256: unknown}]\n", "'ftp://x/y' is not a URL"),
        (MINIMAL + "manifests: [{file: a, obtain: b}]\n", "2 sources of one manifest"),
        (MINIMAL + "wait: [calico-node]\n", "'calico-node' is not an object; write KIND NAMESPACE/NAME"),
        (MINIMAL + "capabilities: [QUIC]\n", "'QUIC' is not a capability; write one of SCTP, IPv6"),
        (MINIMAL + "kubernetes: {from: '1.34'}\n", "'to' is missing"),
        (MINIMAL + "patches: [{target: Pod x/y}]\n", "this patch changes nothing"),
        (MINIMAL + "patches: [{target: Pod x/y, families: [ipv5], merge: {a: b}}]\n", "'ipv5' is not an IP family"),
        (MINIMAL + "patches: [{target: Pod x/y, replace: [{in: [a], find: b}]}]\n", "'by' is missing"),
        (MINIMAL + "---\n" + MINIMAL, "own.yaml:1: the file holds 2 documents"),
        ("", "0 documents"),
        ("title: [\n", "own.yaml:"),
    ],
)
def test_problems_of_a_definition(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ClusterFailed) as caught:
        own(tmp_path, text)
    assert expected in str(caught.value)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed) as caught:
        own(tmp_path, MINIMAL + "a: 1\nb: 2\nwait: [x]\n")
    assert len(str(caught.value).splitlines()) == 3


def test_definitions_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match="is not a file"):
        load(str(tmp_path / "nosuch.yaml"), SHIPPED)
    with pytest.raises(ClusterFailed, match="--cni nosuch: there is no such CNI; expected one of calico"):
        load("nosuch", SHIPPED)
