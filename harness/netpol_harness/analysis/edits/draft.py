"""A step with edits: what its policies would be, and what the oracle says about a path then. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.edits.object_edit import Data, ObjectEdit
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.selection import Selection
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.names import ObjectName
from netpol_harness.paths.path import Path


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit of one object that may help, and a sentence that names the mistake and the fix.

    ``distance`` says how far the edited rule is from meaning the connection, 0 for a rule that means it.
    ``widening`` is the number of workloads that the edit admits or excludes beside the one in question. ``is_mistake``
    if what changes has no effect as it is written, so that something else must have been meant.
    """

    sentence: str
    edit: ObjectEdit
    distance: int
    widening: int = 0
    is_mistake: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """The order of candidates: rules that mean the connection first, then small edits."""
        return self.distance, self.edit.size + self.widening


class Draft:
    """A step after some edits. ``selection`` finds the pods that selectors select after the edits."""

    def __init__(
        self,
        predictor: Predictor,
        path: Path,
        names: DisplayNames,
        chosen: tuple[Candidate, ...] = (),
        selection: Selection | None = None,
    ) -> None:
        self.predictor = predictor
        self.path = path
        self.names = names
        self.chosen = chosen
        self.selection = selection or Selection(predictor.world, predictor.step.inventory)

    def with_candidate(self, candidate: Candidate) -> "Draft":
        """Return the draft with one more edit."""
        before = self.predictor.world
        after = candidate.edit.applied_to(before)
        is_relabelled = after.pods is not before.pods or after.namespaces is not before.namespaces
        if is_relabelled or after.cluster_policies is not before.cluster_policies:
            predictor = self.predictor.with_world(after)
        else:
            predictor = self.predictor.with_policies(after.policies)
        selection = None if is_relabelled else self.selection
        return Draft(predictor, self.path, self.names, (*self.chosen, candidate), selection)

    @property
    def edits(self) -> tuple[ObjectEdit, ...]:
        """The edits, one for each object."""
        return tuple(self._edits.values())

    @cached_property
    def _edits(self) -> Mapping[ObjectName, ObjectEdit]:
        merged: dict[ObjectName, ObjectEdit] = {}
        for candidate in self.chosen:
            edit, name = candidate.edit, candidate.edit.name
            merged[name] = replace(edit, before=merged[name].before) if name in merged else edit
        return merged

    @cached_property
    def prediction(self) -> Prediction:
        """The verdicts on the path after the edits."""
        return self.predictor.predict(self.path)

    @cached_property
    def policies(self) -> Mapping[NamespacedName, NetworkPolicy]:
        """The policies in force after the edits."""
        return {policy.ref: policy for policy in self.predictor.world.policies}

    def subject_workloads(self, policy: NetworkPolicy) -> int:
        """Return the number of workloads that a policy selects."""
        return self.selection.workloads(self.selection.subjects(policy))

    def data(self, ref: NamespacedName) -> Data | None:
        """Return a policy as it is written after the edits; ``None`` if no manifest has it."""
        if edit := self._edit_of(ref):
            return edit.after
        manifest = self.names.manifest(ref)
        return manifest.data if manifest else None

    def cluster_rules(self, name: str, direction: Direction) -> list[dict[str, Any]]:
        """Return the rules of a ClusterNetworkPolicy as they are written after the edits."""
        return [dict(rule or {}) for rule in self.cluster_spec(name).get(direction.lower()) or ()]

    def cluster_spec(self, name: str) -> Data:
        """Return the ``spec`` of a ClusterNetworkPolicy as it is written after the edits; empty without a manifest."""
        spec: Data = (self._cluster_data(name) or {}).get("spec") or {}
        return spec

    def cluster_edit(self, name: str, **spec: Any) -> ObjectEdit | None:
        """Return the edit that sets fields of a ClusterNetworkPolicy's ``spec``; ``None`` if no manifest has it."""
        data = self._cluster_data(name)
        if data is None:
            return None
        return ObjectEdit(data, {**data, "spec": {**data["spec"], **spec}}, self.names.cluster_manifest(name))

    def _cluster_data(self, name: str) -> Data | None:
        manifest = self.names.cluster_manifest(name)
        if manifest is None:
            return None
        edit = self._edits.get(manifest.name) if self.chosen else None
        return edit.after if edit else manifest.data

    def _edit_of(self, ref: NamespacedName) -> ObjectEdit | None:
        return self._edits.get(ObjectName("NetworkPolicy", ref)) if self.chosen else None

    def rules(self, ref: NamespacedName, direction: Direction) -> list[dict[str, Any]]:
        """Return the rules of a policy as they are written after the edits; ``null`` is an empty rule."""
        spec = (self.data(ref) or {}).get("spec") or {}
        return [dict(rule or {}) for rule in spec.get(direction.lower()) or ()]

    def is_new(self, ref: NamespacedName) -> bool:
        """Whether one of the edits writes the policy."""
        return self.names.manifest(ref) is None

    def edit(self, ref: NamespacedName, **spec: Any) -> ObjectEdit | None:
        """Return the edit that sets fields of a policy's ``spec``.

        ``None`` if no manifest has the policy, or if another edit puts it in force as it is.
        """
        data, edited = self.data(ref), self._edit_of(ref)
        if data is None or (edited and edited.is_as_written):
            return None
        after = {**data, "spec": {**(data.get("spec") or {}), **spec}}
        return ObjectEdit(data, after, self.names.manifest(ref))
