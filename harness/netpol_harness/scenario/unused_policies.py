"""Policies in a scenario's directory that no step names: forgotten, or kept for later."""

from netpol_harness.paths.diagnostics import Place
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.manifests import ManifestReader
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Manifest, Scenario
from netpol_harness.scenario.shape import Report

_PATTERNS = ("**/*.yaml", "**/*.yml", "**/*.json")


def unused_policies(scenario: Scenario) -> tuple[Manifest, ...]:
    """Return the readable NetworkPolicies of the directory's YAML files that are in force in no step."""
    if scenario.derived:
        return ()
    known = {manifest.where for step in scenario.steps for manifest in step.policies}
    here = Place(scenario.file.name, 1)
    patterns = [YamlNode(here, YamlKind.TEXT, pattern, pattern) for pattern in _PATTERNS]
    policies = ManifestReader(scenario.file.parent, Report()).policies(patterns)
    return tuple(
        located.manifest
        for located in policies
        if located.manifest.family is ApiGroupFamily.KUBERNETES and located.manifest.where not in known
    )
