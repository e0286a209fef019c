"""Results and truth tables as text for people. Knows nothing about pytest."""
