"""Backends: each provides a cluster, which is a kubeconfig and a set of capabilities."""
