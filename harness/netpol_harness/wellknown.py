"""Keys of labels and annotations that several rooms read: the cluster's own, and the contract of harness and emulator.

Pure constants: the standard library's types only, so that every layer may import them.
"""

from typing import Final

NAMESPACE_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""Label of every namespace: its name, set by the API server."""

SERVICE_NAME_LABEL: Final = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the name of its Service."""

TEST_IMAGE: Final = "registry.k8s.io/e2e-test-images/agnhost:2.53"
"""Has sh, curl, nc (OpenBSD's), bash, and agnhost for SCTP; built for many architectures; often on the nodes already.
"""

POD_NAME_LABEL: Final = "statefulset.kubernetes.io/pod-name"
"""Label of a StatefulSet's pod: its own name."""

POD_INDEX_LABEL: Final = "apps.kubernetes.io/pod-index"
"""Label of a StatefulSet's pod: its ordinal."""

DEPLOYMENT_CONFIG_LABEL: Final = "deploymentconfig"
"""Label of the pods of an OpenShift DeploymentConfig: its name."""

CALICO_ADDRESSES_ANNOTATION: Final = "cni.projectcalico.org/ipAddrs"
"""Annotation of a pod: the address it asks for, as a JSON list with one entry; read by Calico and by the emulator."""

PROJECT_PREFIX: Final = "netpol-harness/"
"""Prefix of every key that belongs to this project."""

RUN_LABEL: Final = f"{PROJECT_PREFIX}run"
"""Label of every object and node that may outlive its run: the run's name."""

OWNER_ANNOTATION: Final = f"{PROJECT_PREFIX}owner"
"""Annotation of the same objects, for people and for ``netpol gc``: JSON with ``host`` and ``since`` (RFC 3339)."""

EXTERNAL_HOST_ANNOTATION: Final = f"{PROJECT_PREFIX}external-host"
"""Annotation of a pod that stands for a machine outside the cluster: its address, or empty for any address."""

NODE_POD_ANNOTATION: Final = f"{PROJECT_PREFIX}node"
"""Annotation of a pod of the harness on a node's network: the name of the node, for which it probes."""

WORKLOAD_LABEL: Final = f"{PROJECT_PREFIX}workload"
"""Label of pods that have none in their manifest, and that a Deployment must select: the workload's name."""

KNOWN_TO_ANNOTATION: Final = f"{PROJECT_PREFIX}known-to"
"""Annotation of a pod that stands for a machine outside the cluster: the namespaces whose pods may look up its name,
comma-separated. Without it all may."""

DOMAIN_NAMES_LABEL: Final = f"{PROJECT_PREFIX}domain-names"
"""Label of a ConfigMap whose key ``records`` has the names outside the cluster that its name server answers, as
JSON (``model.domain_names``). ``KNOWN_TO_ANNOTATION`` applies to it as to pods of external hosts."""

DATAPLANE_KEY: Final = f"{PROJECT_PREFIX}dataplane"
"""Label and annotation of a node of the embedded cluster: the name of its data plane."""

HIDE_TOOLS_ANNOTATION: Final = f"{PROJECT_PREFIX}hide-tools"
"""Annotation of a pod in the embedded cluster: programs, comma-separated, that its processes must not find."""

DEAD_PORTS_ANNOTATION: Final = f"{PROJECT_PREFIX}dead-ports"
"""Annotation of a pod in the embedded cluster: declared ports, as in ``5000,53/UDP``, on which nothing listens.

Its value may change at any time.
"""
