"""The scheduler: chooses a node for each pod, where a cluster has several.

A single node takes every pod, whatever the pod asks of its node: manifests of larger clusters run on it.
"""
