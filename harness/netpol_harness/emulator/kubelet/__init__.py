"""Pods: what their manifests ask for, their sandboxes and processes, and the servers that stand in for images."""
