from typing import Any

import pytest

from netpol_harness.emulator.apiserver.custom.json_paths import field_names, find_all

OBJECT = {
    "spec": {"replicas": 3, "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
    "metadata": {"annotations": {"example.com/size": "big"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.replicas", [3]),
        (".spec.missing", []),
        (".spec.ports[1].port", [2]),
        (".spec.ports[-1].port", [2]),
        (".spec.ports[9].port", []),
        (".spec.ports[*].name", ["a", "b"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Old')].status", ["False"]),
        (r".metadata.annotations.example\.com/size", ["big"]),
        (".metadata.annotations['example.com/size']", ["big"]),
        ("nonsense", []),
    ],
)
def test_values(path: str, values: list[Any]) -> None:
    assert find_all(path, OBJECT) == values


def test_fields() -> None:
    assert field_names(r".spec.a\.b") == ("spec", "a.b")
