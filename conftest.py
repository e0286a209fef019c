"""Loads the plugin from the checkout, where the package is not installed."""

pytest_plugins = ("netpol_harness.plugin",)
