"""The files of known deviations that are shipped."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from netpol_harness.backends.cni.definition import load
from netpol_harness.backends.known.file import deviations
from netpol_harness.scenario.derive import open_source

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(ROOT.glob("manifests/*/*/known.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_each_entry_names_a_step_of_a_scenario(file: Path) -> None:
    for deviation in deviations(file, file.name):
        step = deviation.tests.split("::")[1]
        found = [each for each in ROOT.glob("scenarios/**/scenario.yaml") if _is_named(deviation.file_part, each)]
        names = [step.name for each in found for step in open_source(each.parent).steps]
        assert any(fnmatchcase(name, step) for name in names), deviation.where


@pytest.mark.parametrize("name", ["calico", "calico-nftables", "calico-vxlan"])
def test_calico_has_the_deviations_of_its_dataplane(name: str) -> None:
    known = load(name, ROOT / "manifests/cni").known
    assert known is not None
    assert known.resolve() == ROOT / "manifests/agents/felix/known.yaml"


def _is_named(pattern: str, file: Path) -> bool:
    return fnmatchcase(str(file.relative_to(ROOT)), pattern)
