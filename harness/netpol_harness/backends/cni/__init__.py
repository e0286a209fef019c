"""CNIs as data: what to download, to change, to apply and to wait for."""
