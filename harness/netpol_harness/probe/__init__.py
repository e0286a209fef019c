"""Probing: questions become probes, probes a script in each pod, its frames become replies, and replies evidence."""
