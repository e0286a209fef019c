"""CNIs as data: the manifests to download, patch and apply, and the controllers to wait for."""
