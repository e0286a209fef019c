"""The embedded cluster: a small Kubernetes in one process. It serves the real API, and its data plane is the kernel's.

Layers, from the top (a contract in ``pyproject.toml`` enforces them):

- ``__main__``, ``launch``, ``daemon``: the command, the namespaces that hold the cluster, and the composition root
- ``dns``: the name server; ``sync``: keeps the kernel's ruleset equal to the store; ``faults``: known policy bugs
- ``kubelet``: pods as network namespaces and processes; ``controllers``: Deployments, Services, owners
- ``apiserver``: the Kubernetes API over HTTP; ``dataplane``: objects to nftables rules. Pure
- ``store``: the objects, their versions and their events. Pure
- ``kernel``: system calls, netlink, nftables; ``options``: what the command line gives
- ``pod``, ``address_plan``: facts that all share

``dataplane`` never imports the oracle: the two read the specification independently.
"""
