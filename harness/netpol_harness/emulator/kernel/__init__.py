"""The Linux kernel, asked directly: namespaces, links and routes, nftables transactions."""
