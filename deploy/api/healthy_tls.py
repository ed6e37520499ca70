"""healthy_tls.py PORT PATH: as `healthy`, at an instance that is called by TLS."""

import http.client
import ssl
import sys
from pathlib import Path

DIRECTORY = Path("/run/certificates")
TIMEOUT_S = 3.0

context = ssl.create_default_context(cafile=DIRECTORY / "ca.pem")
context.load_cert_chain(DIRECTORY / "tls.pem", DIRECTORY / "tls.key")
port, path = sys.argv[1:]
connection = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=TIMEOUT_S, context=context)
connection.request("GET", path, headers={"Host": "localhost"})
sys.exit(connection.getresponse().status != http.client.OK)
