"""Existing clusters, named by a context of the kubeconfig: used, never owned."""
