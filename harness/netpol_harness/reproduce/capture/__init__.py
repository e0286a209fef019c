"""What decides connectivity in a cluster, as a scenario directory that needs nothing of that cluster."""
