"""Asking: questions become probes, probes one script or one agent a pod, frames become replies, replies evidence."""
