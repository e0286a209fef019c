"""Policies of the scenario that are not in force in a step, as edits that put them in force. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.edits.draft import Candidate, Draft
from netpol_harness.analysis.edits.object_edit import ObjectEdit
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.sides import isolates
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest

_FORGOTTEN = 1
"""The distance of a policy that is not in force."""

_OTHER_VERSION = 9
"""The distance of a policy with the name of one in force: the last of all edits."""


def not_in_force(draft: Draft, unused: tuple[Manifest, ...]) -> Iterator[Candidate]:
    """Yield the policies of other steps, and those that no step names."""
    scenario, step = draft.predictor.scenario, draft.predictor.step
    in_force = {manifest.where for manifest in step.policies}
    manifests = [*(manifest for other in scenario.steps for manifest in other.policies), *unused]
    for manifest in {m.where: m for m in manifests if m.family is ApiGroupFamily.KUBERNETES}.values():
        if manifest.where not in in_force:
            edit = ObjectEdit(None, manifest.data, manifest)
            is_version = NetworkPolicy.parse(manifest.data).ref in draft.policies
            yield Candidate(_sentence(draft, manifest), edit, _OTHER_VERSION if is_version else _FORGOTTEN)


def _sentence(draft: Draft, manifest: Manifest) -> str:
    policy = NetworkPolicy.parse(manifest.data)
    if policy.ref in draft.policies:
        return f"there is another {policy.ref.name} at {manifest.where}, which is not in force in this step"
    is_open = draft.prediction.verdict is Expected.ALLOWED
    for flow in (*draft.prediction.route.lookups, *draft.prediction.route.connections):
        for end, direction in ((flow.source, Direction.EGRESS), (flow.destination, Direction.INGRESS)):
            pod = draft.predictor.world.pods.get(end) if isinstance(end, NamespacedName) else None
            if is_open and pod and isolates(policy, pod, direction):
                effect = f"isolates {draft.names.end(end)} for {direction.lower()}"
                return f"{policy.ref.name} ({manifest.where}) {effect}, and is not in force in this step"
    return f"{policy.ref.name} ({manifest.where}) is not in force in this step"
