"""Policies that lie in a scenario's directory and that no step names: forgotten, or kept for later."""

from netpol_harness.paths.diagnostics import Place
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.manifests import Library
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Manifest, Scenario
from netpol_harness.scenario.shape import Report

_PATTERNS = ("**/*.yaml", "**/*.yml")


def strays(scenario: Scenario) -> tuple[Manifest, ...]:
    """NetworkPolicies of the directory's YAML files that are in force in no step. What cannot be read is left out."""
    known = {manifest.where for step in scenario.steps for manifest in step.policies}
    here = Place(scenario.file.name, 1)
    patterns = [YamlNode(here, YamlKind.TEXT, pattern, pattern) for pattern in _PATTERNS]
    found = Library(scenario.file.parent, Report(), mixed=True).policies(patterns)
    return tuple(
        located.manifest
        for located in found
        if located.manifest.family is ApiGroupFamily.KUBERNETES and located.manifest.where not in known
    )
