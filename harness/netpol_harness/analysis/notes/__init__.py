"""What a scenario's files say without effect, or with another effect than it seems: notes for the author. Pure."""
