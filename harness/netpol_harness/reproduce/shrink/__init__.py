"""Shrinking: remove the parts of a scenario that a wrong verdict does not need.

``draft`` is a scenario as plain data, ``parts`` names what can be removed from it, ``minimize`` is the search (delta
debugging), ``trial`` runs candidates by real packets, ``search`` puts these together, ``report`` and ``script`` write
the result.
"""
