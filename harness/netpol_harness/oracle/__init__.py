"""What should happen: NetworkPolicy v1 read from the API text, with the reason for every answer. Pure."""
