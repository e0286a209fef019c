"""Access to any Kubernetes API server, emulated or real: objects, exec, waiting. Knows nothing of scenarios."""
