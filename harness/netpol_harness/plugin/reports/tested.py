"""What was tested: harness, run, backend, dataplane, network plugin, Kubernetes, nodes and kernel, canary."""

import platform
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from netpol_harness.backends.base import Cluster
from netpol_harness.backends.facts import Facts, gather, harness_version
from netpol_harness.errors import HarnessError
from netpol_harness.lab import Lab


def began(lab: Lab) -> bool:
    """Whether anything in this run has asked for a cluster."""
    return lab.run_directory is not None and lab.run_directory.is_begun("cluster")


def facts_of(lab: Lab) -> Facts:
    """What the cluster's API tells of it, asked once a run; nothing where there is none, or where it is silent."""
    cluster = lab.known_cluster()
    if cluster is None or lab.run_directory is None:
        return Facts()
    return Facts.from_json(lab.run_directory.once("facts", lambda: _gather(cluster)))


def tested(lab: Lab) -> dict[str, Any]:
    """The part of ``run.json`` that says what was tested (``run.schema.json``). Asks the cluster, once a run."""
    facts = asdict(facts_of(lab))
    outcome, told = _canary(lab)
    return {
        "run": lab.run,
        "harness": {"version": harness_version(), "python": platform.python_version(), "pytest": version("pytest")},
        "cluster": {
            "backend": lab.choice.backend.name,
            "why": lab.choice.why,
            "dataplane": lab.dataplane,
            "cni": facts["plugins"],
            "kubernetes": facts["kubernetes"],
            "nodes": facts["nodes"],
            "trouble": _trouble(lab),
        },
        "canary": {"outcome": outcome, "told": told},
    }


def properties(about: dict[str, Any]) -> dict[str, str]:
    """The same as flat names and texts, such as JUnit's properties of a suite; without what is not known."""
    cluster, nodes = about["cluster"], about["cluster"]["nodes"]
    flat = {
        "harness": about["harness"]["version"],
        "run": about["run"],
        "backend": cluster["backend"],
        "dataplane": cluster["dataplane"],
        "cni": ", ".join(plugin["name"] for plugin in cluster["cni"]),
        "cni_version": ", ".join(plugin["version"] for plugin in cluster["cni"]),
        "kubernetes": cluster["kubernetes"],
        "nodes": str(len(nodes)) if nodes else "",
        "kernel": ", ".join(sorted({node["kernel"] for node in nodes})),
        "os": ", ".join(sorted({node["os"] for node in nodes})),
        "canary": about["canary"]["outcome"],
    }
    return {f"netpol.{name}": text for name, text in flat.items() if text}


def _gather(cluster: Cluster) -> str:
    from netpol_harness.kube.client import Client  # takes 0.3 s to import
    from netpol_harness.kube.config import Access

    with suppress(HarnessError):
        return gather(Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))).to_json()
    return Facts().to_json()


def _canary(lab: Lab) -> tuple[str, str]:
    """``passed``, ``failed``, ``off``, or ``unknown`` as yet; and what it told."""
    if not lab.settings.canary:
        return "off", ""
    try:
        shown = lab.run_directory.recorded("canary") if lab.run_directory else None
    except HarnessError as error:
        return "failed", str(error)
    return ("passed", shown) if shown else ("unknown", "")


def _trouble(lab: Lab) -> str:
    """Why there is no cluster, where it could not be had; empty else."""
    try:
        if lab.run_directory:
            lab.run_directory.recorded("cluster")
    except HarnessError as error:
        return str(error)
    return ""
