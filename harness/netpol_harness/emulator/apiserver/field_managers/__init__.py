"""Field managers (``metadata.managedFields``) and server-side apply, after sigs.k8s.io/structured-merge-diff.

``fields`` has paths and sets of them, ``merge`` merges an applied configuration into an object, and ``ownership`` keeps
the managers and finds conflicts. All pure: the schema and the time are passed in.
"""
