"""Every scenario of the library says what it is about, and scenarios that run side by side do not collide."""

import json
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION

LIBRARY = Path(__file__).parents[1] / "scenarios"
FOLDERS = sorted(file.parent for file in LIBRARY.rglob(SCENARIO_FILE))
REGRESSIONS = sorted((LIBRARY / "regressions").iterdir())
UPSTREAM = sorted((LIBRARY / "conformance" / "upstream").iterdir())
CASE = re.compile(r"^# Source: kubernetes/kubernetes test/e2e/network/netpol, case (\d+)\.$", re.MULTILINE)


def name(folder: Path) -> str:
    return str(folder.relative_to(LIBRARY))


def test_readme_counts_the_regressions() -> None:
    assert set(REGRESSIONS) <= set(FOLDERS)
    readme = " ".join((LIBRARY.parent / "README.md").read_text("utf-8").split())
    assert re.findall(r"a scenario for each of (\d+) documented bugs", readme) == [str(len(REGRESSIONS))]


def test_every_upstream_case_exists_once() -> None:
    cases = sorted(int(number) for folder in UPSTREAM for number in CASE.findall(comment(folder)))

    assert cases == list(range(1, 49))
    assert len(UPSTREAM) == 48


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_a_scenario_begins_with_a_comment(folder: Path) -> None:
    assert len(comment(folder).split()) >= 8


@pytest.mark.parametrize("folder", REGRESSIONS, ids=name)
def test_a_regression_names_its_source(folder: Path) -> None:
    assert re.search(r"^# Source: \S.{9}", comment(folder), re.MULTILINE)


def test_external_hosts_of_different_scenarios_have_different_addresses() -> None:
    """Scenarios run side by side on one network."""
    assert shared({folder: addresses(folder) for folder in FOLDERS}) == []


def test_pods_of_different_scenarios_request_different_addresses() -> None:
    assert shared({folder: requested(folder) for folder in FOLDERS}) == []


def comment(folder: Path) -> str:
    """Return the comment before the first key, without the line for editors."""
    lines = takewhile(lambda line: line.startswith("#"), (folder / SCENARIO_FILE).read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if not line.startswith("# yaml-language-server:"))


def addresses(folder: Path) -> set[str]:
    """Return the addresses of a scenario's external hosts."""
    external = yaml.safe_load((folder / SCENARIO_FILE).read_text("utf-8")).get("external") or {}
    return {host["address"] for host in (external.values() if isinstance(external, dict) else ()) if "address" in host}


def requested(folder: Path) -> set[str]:
    """Return the addresses that pods of a scenario request."""
    texts = [
        text for file in folder.rglob("*.yaml") if CALICO_ADDRESSES_ANNOTATION in (text := file.read_text("utf-8"))
    ]
    metadata = [manifest["metadata"] for text in texts for manifest in yaml.safe_load_all(text)]
    requests = [json.loads(data.get("annotations", {}).get(CALICO_ADDRESSES_ANNOTATION, "[]")) for data in metadata]
    return {address for addresses in requests for address in addresses}


def shared(addresses_of: dict[Path, set[str]]) -> list[str]:
    """Return the addresses that more than one scenario uses."""
    count = Counter(address for addresses in addresses_of.values() for address in addresses)
    return sorted(address for address, times in count.items() if times > 1)
