"""A small Kubernetes cluster in one process: the API over HTTP, pods as network namespaces, policy in nftables."""
