"""Who owns which field (`metadata.managedFields`), and server-side apply, after sigs.k8s.io/structured-merge-diff.

`fields` knows paths and sets of them, `merge` puts an applied configuration into an object, `managers` keeps the
owners and finds conflicts. All pure: the schema and the time are given.
"""
