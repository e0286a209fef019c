"""Defaults of role bindings and of webhooks (``pkg/apis/rbac/v1``, ``pkg/apis/admissionregistration/v1``)."""

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.model.json_object import JsonObject

_RBAC = "rbac.authorization.k8s.io"


def default_role_binding(binding: JsonObject) -> None:
    """Fill in a RoleBinding or a ClusterRoleBinding: the API groups of its role and its subjects."""
    fill(binding.get("roleRef", {}), apiGroup=_RBAC)
    for subject in binding.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            fill(subject, apiGroup=_RBAC)


def default_webhooks(configuration: JsonObject) -> None:
    """Fill in the webhooks of a configuration."""
    for webhook in configuration.get("webhooks", ()):
        fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        fill(webhook, namespaceSelector={}, objectSelector={})
        if configuration.get("kind") == "MutatingWebhookConfiguration":
            fill(webhook, reinvocationPolicy="Never")
        if "service" in webhook.get("clientConfig", {}):
            fill(webhook["clientConfig"]["service"], port=443)
        for rule in webhook.get("rules", ()):
            fill(rule, scope="*")
