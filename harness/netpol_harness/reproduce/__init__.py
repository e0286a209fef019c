"""From a cluster or a finding to a report that others can repeat: capture, shrink, fuzz."""
