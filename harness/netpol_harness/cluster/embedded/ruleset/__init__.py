"""From a snapshot of the cluster to the content of its nftables table, and from one content to the next. Pure."""
