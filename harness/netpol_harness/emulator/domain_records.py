"""The ConfigMaps that list names outside the cluster, for the name server and the policy engine. Pure."""

import json

from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.wellknown import DOMAIN_NAMES_LABEL


def is_domain_names(data: JsonMapping) -> bool:
    """Return whether a ConfigMap has names outside the cluster that the name server answers."""
    return DOMAIN_NAMES_LABEL in (data["metadata"].get("labels") or {})


def domain_records(data: JsonMapping) -> tuple[DomainRecord, ...]:
    """Return the records of such a ConfigMap; none if it is not as the harness writes it."""
    try:
        return tuple(map(DomainRecord.from_json, json.loads((data.get("data") or {})["records"])))
    except (KeyError, TypeError, ValueError):
        return ()
