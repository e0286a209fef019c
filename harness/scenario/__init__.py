"""Files become a ``Scenario``: YAML with marks, closed keys, checked manifests. Knows no cluster."""
