"""Mutation testing of the scenarios: a mutant is a known bug in the emulator, which some scenario must detect.

``select`` finds the scenarios that can detect a mutant, by the states that ``simulate`` leads them through without a
cluster; ``trials`` runs them; ``campaign`` does so for many mutants; ``report`` writes the results as a page.
"""
