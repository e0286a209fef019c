"""A certificate authority and a server certificate, for as long as one cluster lives."""

import ssl
from collections.abc import Sequence


def server_certificate(names: Sequence[str]) -> tuple[ssl.SSLContext, str]:
    """Return the TLS context of a server with these names and addresses, and the CA's certificate in PEM."""
    import trustme  # imported here because it takes 0.2 s, and most clusters need none

    authority = trustme.CA(organization_name="netpol-harness")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context, authority.cert_pem.bytes().decode()
