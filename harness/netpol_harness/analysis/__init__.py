"""What a scenario's policies mean: words derived for its paths, the reasons for them, and which rules it would miss."""
