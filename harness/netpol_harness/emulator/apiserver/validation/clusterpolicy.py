"""ClusterNetworkPolicy, whose schema is checked with its definition: whether this cluster's data plane can read it."""

from netpol_harness.emulator.apiserver.errors import Cause, Reason
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.json_object import JsonObject


def check_readable(policy: JsonObject) -> list[Cause]:
    """Return a cause to refuse what another definition of the kind allows and nobody here could enforce."""
    try:
        ClusterNetworkPolicy.parse(policy)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        return [Cause(Reason.INVALID, "spec", f"Invalid value: this cluster cannot enforce it: {problem!r}")]
    return []
