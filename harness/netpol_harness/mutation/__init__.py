"""Mutation testing of the scenarios: a mutant is a known bug in the emulator, which some scenario must detect."""
