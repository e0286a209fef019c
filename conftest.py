"""Loads the plugin from the checkout, where the package is not installed."""

pytest_plugins = ("harness.plugin",)
