"""Direct access to the Linux kernel: namespaces, links and routes, nftables transactions."""
