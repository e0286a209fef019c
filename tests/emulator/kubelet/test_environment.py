from typing import Any

import pytest

from netpol_harness.emulator.kubelet.environment import Configuration, environment

POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"containers": []},
    "status": {"podIP": "10.244.0.5"},
}
CONFIG_MAPS = {"where": {"DB_HOST": "db", "DB_PORT": "5432"}}
SECRETS = {"keys": {"token": "abc"}}
SERVICE = {
    "metadata": {"name": "web-app"},
    "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}, {"port": 53, "protocol": "UDP"}]},
}
HEADLESS = {"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 5432}]}}
CONFIGURATION = Configuration(lambda name: CONFIG_MAPS.get(name, {}), lambda name: SECRETS.get(name, {}))


def variables(container: dict[str, Any], configuration: Configuration = CONFIGURATION) -> dict[str, str]:
    """Return the environment of a container, without what every process has."""
    found = environment(POD, {"name": "c", **container}, configuration)
    return {name: value for name, value in found.items() if name not in ("HOME", "HOSTNAME", "PATH")}


def reference(kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": "A", "valueFrom": {kind: fields}}


def test_every_process_has_a_few_variables() -> None:
    found = environment(POD, {"name": "c"}, Configuration(), "/bin")
    assert found == {"PATH": "/bin", "HOME": "/tmp", "HOSTNAME": "web"}


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"name": "A", "value": "1"}, "1"),
        ({"name": "A"}, ""),
        (reference("fieldRef", fieldPath="metadata.name"), "web"),
        (reference("fieldRef", fieldPath="status.podIP"), "10.244.0.5"),
        (reference("fieldRef", fieldPath="metadata.labels['app']"), "web"),
        (reference("fieldRef", fieldPath="metadata.labels['no.such/label']"), ""),
        (reference("configMapKeyRef", name="where", key="DB_HOST"), "db"),
        (reference("configMapKeyRef", name="where", key="absent"), None),
        (reference("configMapKeyRef", name="absent", key="DB_HOST"), None),
        (reference("secretKeyRef", name="keys", key="token"), "abc"),
        (reference("resourceFieldRef", resource="limits.cpu"), ""),
    ],
)
def test_values(entry: dict[str, Any], value: str | None) -> None:
    assert variables({"env": [entry]}).get("A") == value


def test_whole_objects_come_before_single_variables() -> None:
    sources = [{"configMapRef": {"name": "where"}}, {"secretRef": {"name": "keys"}, "prefix": "S_"}]
    found = variables({"envFrom": sources, "env": [{"name": "DB_PORT", "value": "1"}]})
    assert found == {"DB_HOST": "db", "DB_PORT": "1", "S_token": "abc"}


def test_values_may_name_earlier_variables() -> None:
    url = {"name": "URL", "value": "tcp://$(DB_HOST):$(DB_PORT)/$(LATER)$$(DB_HOST)"}
    found = variables({"envFrom": [{"configMapRef": {"name": "where"}}], "env": [url, {"name": "LATER", "value": "x"}]})
    assert found["URL"] == "tcp://db:5432/$(LATER)$(DB_HOST)"


def test_services_with_an_address_are_told() -> None:
    assert variables({}, Configuration(services=[SERVICE, HEADLESS])) == {
        "WEB_APP_SERVICE_HOST": "10.96.0.7",
        "WEB_APP_SERVICE_PORT": "80",
        "WEB_APP_SERVICE_PORT_HTTP": "80",
        "WEB_APP_PORT": "tcp://10.96.0.7:80",
        "WEB_APP_PORT_80_TCP": "tcp://10.96.0.7:80",
        "WEB_APP_PORT_80_TCP_PROTO": "tcp",
        "WEB_APP_PORT_80_TCP_PORT": "80",
        "WEB_APP_PORT_80_TCP_ADDR": "10.96.0.7",
        "WEB_APP_PORT_53_UDP": "udp://10.96.0.7:53",
        "WEB_APP_PORT_53_UDP_PROTO": "udp",
        "WEB_APP_PORT_53_UDP_PORT": "53",
        "WEB_APP_PORT_53_UDP_ADDR": "10.96.0.7",
    }
