"""Fuzzing: random worlds with transitions on a live cluster, judged by the specification.

``worlds`` draws worlds from a seed, ``batch`` runs many at once, ``campaign`` confirms, shrinks and tells apart what
they show.
"""
