"""What manifests declare as dependencies: Services that their values name, and clients that other kinds imply."""
