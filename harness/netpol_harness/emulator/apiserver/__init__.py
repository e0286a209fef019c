"""The Kubernetes face of the embedded cluster: HTTP, schema, defaulting, validation, patches, tables, watches
and exec.

The rooms, outside in: `server` (HTTP and errors), `rest` (verbs), `admission` (defaults and validation), then
the store. Nothing in here knows network namespaces or nftables: all that a pod does is asked of
`runtime.Runtime`.
"""
