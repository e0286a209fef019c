"""The node's data plane: a snapshot of the cluster becomes nftables rules, and each change of them one transaction.
Pure.
"""
