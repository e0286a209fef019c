"""Ways to get a cluster. A backend is a way to get a kubeconfig and a set of capabilities, nothing more."""
