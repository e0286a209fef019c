"""I/O to any Kubernetes API server, ours or a real one: access, plain objects, exec, waiting. Knows no scenario."""
