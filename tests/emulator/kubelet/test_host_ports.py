from typing import Any

import pytest

from netpol_harness.emulator.kubelet.host_ports import NO_FREE_PORTS, NoFreePorts, require_free_ports

Dict = dict[str, Any]


def pod(*ports: Dict) -> Dict:
    return {"spec": {"containers": [{"name": "c", "ports": list(ports)}]}}


def port(number: int, **fields: Any) -> Dict:
    return {"containerPort": 80, "hostPort": number, **fields}


@pytest.mark.parametrize(
    "other",
    [port(18080), port(18080, hostIP="0.0.0.0"), port(18080, hostIP="192.0.2.1"), port(18080, protocol="TCP")],
    ids=["same", "every address", "one address", "protocol by default"],
)
def test_a_host_port_belongs_to_one_pod_of_a_node(other: Dict) -> None:
    for one, first in ((pod(port(18080)), pod(other)), (pod(other), pod(port(18080)))):
        with pytest.raises(NoFreePorts, match="didn't have free ports"):
            require_free_ports(one, [pod(port(1)), first])
    assert "0/1 nodes" in NO_FREE_PORTS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (port(18080), port(18081)),
        (port(18080), port(18080, protocol="UDP")),
        (port(18080, hostIP="192.0.2.1"), port(18080, hostIP="127.0.0.1")),
        (port(0), port(0)),
        ({"containerPort": 80}, {"containerPort": 80}),
    ],
    ids=["number", "protocol", "addresses", "none", "not named"],
)
def test_other_ports_are_free(one: Dict, other: Dict) -> None:
    require_free_ports(pod(one), [pod(other)])
