"""The node's dataplane: a snapshot of the cluster becomes nftables rules, and each change one transaction. Pure."""
