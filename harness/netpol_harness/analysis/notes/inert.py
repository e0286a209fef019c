"""Parts of policies that match nothing: policies, peers and named ports, with what comes nearest. Pure.

What matches nothing in one step and something in another is meant, and is no note.
"""

from collections.abc import Iterator

from netpol_harness.analysis.notes.cluster_policy_parts import ClusterPolicyParts
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.policy_parts import PolicyParts
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.scenario.scenario import Scenario, cluster_policies, network_policies


def inert_parts(scenario: Scenario) -> Iterator[Note]:
    """Yield a note for each part that matches nothing in any step in which its policy is in force."""
    views = [StepView(scenario, step) for step in scenario.steps]
    for policies, parts_of in ((network_policies, PolicyParts), (cluster_policies, ClusterPolicyParts)):
        manifests = {manifest.where: manifest for view in views for manifest in policies(view.step)}
        for where, manifest in manifests.items():
            in_force = [view for view in views if where in {policy.where for policy in view.step.policies}]
            parts = zip(*(parts_of(manifest, view).all() for view in in_force), strict=True)
            yield from (same[0].note for same in parts if all(part.is_inert for part in same))
