"""What policies do to a connection by the text of networking.k8s.io/v1, with the reasons. Pure."""
