"""What a change of manifests does to connectivity: the paths whose verdicts differ, and what decides each. Pure."""
