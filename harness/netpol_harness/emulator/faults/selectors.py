"""Misread label selectors (apimachinery ``metav1.LabelSelector``)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import (
    NOTHING,
    peer_selectors,
    requirements,
    selectors,
    subjects,
)
from netpol_harness.model.labels import LabelSelector, Operator, Requirement
from netpol_harness.model.objects import Namespace
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


def _with_key(requirement: Requirement) -> list[Requirement]:
    if requirement.operator is not Operator.NOT_IN:
        return [requirement]
    return [requirement, Requirement(requirement.key, Operator.EXISTS)]


def _several(requirement: Requirement, operator: Operator) -> bool:
    return requirement.operator is operator and len(requirement.values) > 1


def _first_value(requirement: Requirement) -> list[Requirement]:
    return [replace(requirement, values=frozenset(sorted(requirement.values)[:1]))]


def _is_expression(requirement: Requirement) -> bool:
    """Return whether matchLabels could not express the requirement."""
    return requirement.operator is not Operator.IN or len(requirement.values) != 1


def _nothing_by_expressions(selector: LabelSelector) -> LabelSelector:
    return NOTHING if any(map(_is_expression, selector.requirements)) else selector


def _nothing_if_empty(selector: LabelSelector) -> LabelSelector:
    return selector if selector.requirements else NOTHING


def _namespaces(labels: Callable[[Namespace], Mapping[str, str]]) -> WorldFault:
    """Give every namespace other labels."""
    return lambda now, _: replace(
        now,
        namespaces={name: replace(namespace, labels=labels(namespace)) for name, namespace in now.namespaces.items()},
    )


MUTANTS = (
    Mutant(
        "not-in-needs-the-key",
        "NotIn selects only objects that have the key, with another value.",
        ("notin-and-doesnotexist-match-missing-key",),
        world=selectors(requirements(_with_key)),
    ),
    Mutant(
        "not-in-read-as-or",
        "NotIn with several values means: not the one or not the other, which is always true.",
        ("notin-two-values-becomes-or",),
        world=selectors(requirements(lambda r: [] if _several(r, Operator.NOT_IN) else [r])),
    ),
    Mutant(
        "not-in-first-value-only",
        "Of the values of NotIn only the first is excluded.",
        ("notin-two-values-becomes-or",),
        world=selectors(requirements(lambda r: _first_value(r) if r.operator is Operator.NOT_IN else [r])),
    ),
    Mutant(
        "in-two-values-selects-nothing",
        "In with more than one value selects nothing.",
        ("in-two-values-selects-nothing",),
        world=selectors(requirements(lambda r: NOTHING.requirements if _several(r, Operator.IN) else [r])),
    ),
    Mutant(
        "in-first-value-only",
        "Of the values of In only the first counts.",
        ("in-two-values-selects-nothing",),
        world=selectors(requirements(lambda r: _first_value(r) if r.operator is Operator.IN else [r])),
    ),
    Mutant(
        "exists-ignored",
        "A requirement Exists is ignored.",
        ("notin-and-doesnotexist-match-missing-key", "matchexpressions-in-namespaceselector-ignored"),
        world=selectors(requirements(lambda r: [] if r.operator is Operator.EXISTS else [r])),
    ),
    Mutant(
        "does-not-exist-ignored",
        "A requirement DoesNotExist is ignored.",
        ("notin-and-doesnotexist-match-missing-key",),
        world=selectors(requirements(lambda r: [] if r.operator is Operator.DOES_NOT_EXIST else [r])),
    ),
    Mutant(
        "match-expressions-ignored",
        "Of every selector only matchLabels counts.",
        ("matchexpressions-in-namespaceselector-ignored",),
        world=selectors(requirements(lambda r: [] if _is_expression(r) else [r])),
    ),
    Mutant(
        "namespace-match-expressions-never-match",
        "A namespaceSelector with matchExpressions selects nothing.",
        ("matchexpressions-in-namespaceselector-ignored",),
        world=peer_selectors(namespaces=_nothing_by_expressions),
    ),
    Mutant(
        "only-the-first-requirement",
        "Of several requirements of a selector only the first has to hold.",
        ("label-added-later-opens-unrelated",),
        world=selectors(lambda selector: LabelSelector(selector.requirements[:1])),
    ),
    Mutant(
        "empty-subject-selects-nothing",
        "A policy with podSelector {} applies to no pod.",
        ("update-allow-all-to-deny-all", "default_deny_ingress"),
        world=subjects(_nothing_if_empty),
    ),
    Mutant(
        "empty-namespace-selector-selects-nothing",
        "A peer with namespaceSelector {} selects no namespace.",
        ("two-policies-peer-rule-and-port-rule", "empty-rule-vs-empty-selectors-external"),
        world=peer_selectors(namespaces=_nothing_if_empty),
    ),
    Mutant(
        "empty-pod-selector-selects-nothing",
        "A peer with podSelector {} selects no pod.",
        ("empty-rule-vs-empty-selectors-external", "own_namespace_only"),
        world=peer_selectors(pods=_nothing_if_empty),
    ),
    Mutant(
        "default-name-label-unknown",
        "The label kubernetes.io/metadata.name, which every namespace has, is unknown.",
        ("namespaceselector-name-label-missing",),
        world=_namespaces(lambda namespace: {k: v for k, v in namespace.labels.items() if k != NAMESPACE_NAME_LABEL}),
    ),
    Mutant(
        "namespace-name-as-label",
        "Every namespace has a label 'name' with its own name, although it was never set.",
        ("namespaceselector-name-label-missing",),
        world=_namespaces(lambda namespace: {"name": namespace.name} | dict(namespace.labels)),
    ),
)
