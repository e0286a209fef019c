"""Objects of the Kubernetes API, parsed once. Pure: standard library only, no I/O, no clock."""
