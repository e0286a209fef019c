"""The policy engine of a network plugin, which enforces in place of our own rules.

It runs as a child of the daemon in the network of each node, and reads the API over TLS with the configuration that a
pod would find in itself (``rest.InClusterConfig`` of client-go).
"""
