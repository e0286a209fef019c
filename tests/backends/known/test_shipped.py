"""The file of known deviations that is shipped with Calico."""

from pathlib import Path

import pytest

from netpol_harness.backends.cni.definition import load

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["calico", "calico-nftables", "calico-vxlan"])
def test_calico_has_the_deviations_of_its_dataplane(name: str) -> None:
    known = load(name, ROOT / "manifests/cni").known
    assert known is not None
    assert known.resolve() == ROOT / "manifests/agents/felix/known.yaml"
