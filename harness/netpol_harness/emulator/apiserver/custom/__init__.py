"""Kinds that CustomResourceDefinitions bring (apiextensions.k8s.io/v1): what a definition says, made executable.

Schemas are structural. The rules in CEL (``x-kubernetes-validations``) are not evaluated, and conversion webhooks are
not called: objects are stored as they were written.
"""
