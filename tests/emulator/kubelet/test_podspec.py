"""What a Pod's spec asks of the kubelet."""

import json
from typing import Any

import pytest

from netpol_harness.emulator.kubelet import podspec
from netpol_harness.emulator.kubelet.addresses import AddressUnavailable
from netpol_harness.wellknown import (
    CALICO_ADDRESSES_ANNOTATION,
    DEAD_PORTS_ANNOTATION,
    EXTERNAL_HOST_ANNOTATION,
    HIDE_TOOLS_ANNOTATION,
)


def pod(*, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"containers": [], **spec}, "status": {"podIP": "10.244.0.5"}}


CLUSTER_FIRST = (
    "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
)
NO_NAMES = "nameserver 127.0.0.1\n"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (pod(), CLUSTER_FIRST),
        (pod(dnsPolicy="ClusterFirst"), CLUSTER_FIRST),
        (pod(dnsPolicy="ClusterFirst", hostNetwork=True), NO_NAMES),
        (pod(dnsPolicy="ClusterFirstWithHostNet", hostNetwork=True), CLUSTER_FIRST),
        (pod(dnsPolicy="Default"), NO_NAMES),
        (pod(annotations={EXTERNAL_HOST_ANNOTATION: ""}), NO_NAMES),
        (pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.2.3.4"]}), "nameserver 1.2.3.4\n"),
        (
            pod(dnsConfig={"searches": ["x.y"], "options": [{"name": "ndots", "value": "1"}, {"name": "edns0"}]}),
            CLUSTER_FIRST.replace("\noptions ndots:5", " x.y\noptions ndots:1 edns0"),
        ),
    ],
)
def test_resolv_conf_follows_dns_policy_and_config(given: dict[str, Any], text: str) -> None:
    assert podspec.resolv_conf(given, "10.96.0.10") == text


def test_hosts_names_the_pod_and_its_aliases() -> None:
    aliases = [{"ip": "10.1.1.1", "hostnames": ["a", "b"]}]
    lines = podspec.hosts(
        pod(hostAliases=aliases, hostname="h", subdomain="sub"), ["10.244.0.5", "fd00::5"]
    ).splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    own = "h.sub.shop.svc.cluster.local\th"
    assert lines[2:] == [f"10.244.0.5\t{own}", f"fd00::5\t{own}", "10.1.1.1\ta b"]


def test_a_host_name_is_one_dns_label_at_most() -> None:
    long = {"metadata": {"name": "x" * 62 + "-tail"}, "spec": {}}
    assert podspec.hostname(long) == "x" * 62


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("5000", {"5000/TCP"}),
        ("5000, 53/UDP ,9/sctp", {"5000/TCP", "53/UDP", "9/SCTP"}),
        ("", set()),
        ("http, 0, -1, 5000/XTP, 80/", set()),
    ],
)
def test_dead_ports(text: str, ports: set[str]) -> None:
    assert {str(port) for port in podspec.dead_ports(pod(annotations={DEAD_PORTS_ANNOTATION: text}))} == ports


def test_hidden_tools_are_names_not_paths() -> None:
    given = pod(annotations={HIDE_TOOLS_ANNOTATION: "nc, curl,,../etc/passwd,.."})
    assert podspec.hidden_tools(given) == ("nc", "curl")


def test_sidecars_serve_and_other_init_containers_do_not() -> None:
    given = pod(containers=[{"name": "a"}], initContainers=[{"name": "b", "restartPolicy": "Always"}, {"name": "c"}])
    assert [container["name"] for container in podspec.serving_containers(given)] == ["a", "b"]


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restarts_follow_the_policy(policy: str, code: int, *, again: bool) -> None:
    assert podspec.is_restarted(pod(restartPolicy=policy), code) is again


@pytest.mark.parametrize(
    ("hook", "command"),
    [
        ({"exec": {"command": ["sh", "-c", "true"]}}, ("sh", "-c", "true")),
        ({"sleep": {"seconds": 5}}, ("sleep", "5")),
        ({"httpGet": {"port": 80}}, ()),
    ],
)
def test_pre_stop_hooks(hook: dict[str, Any], command: tuple[str, ...]) -> None:
    assert podspec.pre_stop({"lifecycle": {"preStop": hook}}) == command
    assert podspec.pre_stop({"lifecycle": {"postStart": hook}}) == podspec.pre_stop({}) == ()


def test_an_address_may_be_chosen() -> None:
    assert podspec.chosen_addresses(pod()) == ()
    for chosen in (["10.244.0.77"], ["fd00:10:244::77", "10.244.0.77"]):
        annotations = {CALICO_ADDRESSES_ANNOTATION: json.dumps(chosen)}
        assert podspec.chosen_addresses(pod(annotations=annotations)) == tuple(chosen)


@pytest.mark.parametrize("text", ["10.244.0.77", "[]", '["10.244.0.7", "10.244.0.8"]', "7", "{"])
def test_other_values_than_a_list_of_one_address_are_refused(text: str) -> None:
    with pytest.raises(AddressUnavailable, match="is not a JSON list of one address"):
        podspec.chosen_addresses(pod(annotations={CALICO_ADDRESSES_ANNOTATION: text}))
