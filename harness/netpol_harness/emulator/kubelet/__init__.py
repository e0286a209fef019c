"""Pods: what their manifests ask for, their sandboxes and processes, and the stand-ins for the servers of
their images.
"""
