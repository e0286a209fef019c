"""From probes to the script of an exec, and from its frames to outcomes. Pure: the exec itself is the prober's."""
