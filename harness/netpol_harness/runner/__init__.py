"""One scenario on one cluster: its states made real, its paths turned into questions, its answers gathered."""
