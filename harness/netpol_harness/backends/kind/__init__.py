"""Clusters created with kind (kind.sigs.k8s.io), on docker or podman."""
