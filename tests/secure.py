"""A certificate for 127.0.0.1 that nobody vouches for, with its key: thrown away as soon as it was made."""

import ssl
from pathlib import Path

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQfJpp+AAJ+WUO8XA
8Hlj7tuy9AYI+ERSiBgZDCmWMkihRANCAASKpujJi/AXuL46ystJcqizIxOAgfY9
PkVTPiQMxHLR0KoaNrEpEd1lmsifW1/kuUSCU84ZE7d2/Pvh7tTAnhY+
-----END PRIVATE KEY-----
"""

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdzCCAR6gAwIBAgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9zdGVlci10
dWkgdGVzdHMwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBoxGDAW
BgNVBAMMD3N0ZWVyLXR1aSB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BIqm6MmL8Be4vjrKy0lyqLMjE4CB9j0+RVM+JAzEctHQqho2sSkR3WWayJ9bX+S5
RIJTzhkTt3b8++Hu1MCeFj6jUzBRMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/
BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwHQYDVR0OBBYEFHTpMFbYrdivBPIPwtoE
MAIKYh/nMAoGCCqGSM49BAMCA0cAMEQCIH9aCERSWY4MRsziy/0aoTh8KvqLWd1V
/ndDkgw6yFnwAiBAaZZF+0KRLBI3D1lepTCxW0TraCZ+8hwVyYknuBAajg==
-----END CERTIFICATE-----
"""


def server_context(folder: Path) -> ssl.SSLContext:
    """What a server on this machine speaks TLS with; the certificate lies in the folder as `certificate.pem`."""
    (folder / "certificate.pem").write_text(CERTIFICATE)
    (folder / "key.pem").write_text(KEY)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
