"""The catalogue: generated scenarios over the axes along which one NetworkPolicy rule can differ from another.

``axes`` defines the axes and the cases, ``pairwise`` selects few cases that still combine every two values,
``policies`` turns a case into a NetworkPolicy, ``topology`` has the pods and hosts, ``drafts`` composes scenarios, and
``write`` writes them. The expected verdict of a case is not defined here: the oracle predicts it.
"""
