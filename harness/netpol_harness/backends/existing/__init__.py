"""Existing clusters, named by a context of a kubeconfig: used, never owned."""
