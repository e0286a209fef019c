"""The Kubernetes API of the embedded cluster: HTTP, schema, defaults, validation, patches, tables, watches and exec.

Layers, from the outside: ``server`` (HTTP and errors), ``rest`` (verbs), ``admission`` (defaults and validation), then
the store. Nothing in here knows network namespaces or nftables: everything that a pod does goes through
``runtime.Runtime``.
"""
