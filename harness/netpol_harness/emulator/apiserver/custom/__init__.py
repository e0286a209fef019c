"""Kinds that CustomResourceDefinitions bring (apiextensions.k8s.io/v1): what a definition says, made executable.

Schemas are structural. Of the rules in CEL (``x-kubernetes-validations``), those are evaluated that ``rules`` knows.
Conversion webhooks are not called: objects are stored as they were written.
"""
