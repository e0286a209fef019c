"""What the Kubernetes API says, parsed once. Pure: the standard library only, no I/O, no clock."""
