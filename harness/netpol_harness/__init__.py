"""A live connectivity test harness for Kubernetes NetworkPolicy."""
