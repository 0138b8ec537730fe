"""Exit with 0 if the service in this container is ready, with 1 if it is not or nobody answers.

Asked every few seconds in every container: nothing is imported that takes longer than the answer.
"""

import socket
import sys

_REQUEST = b"GET /health/ready HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"

try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=4) as asked:
        asked.sendall(_REQUEST)
        status = asked.makefile("rb").readline().split()[1:2]
except OSError as problem:
    sys.exit(f"not ready: {problem}")
if status != [b"200"]:
    sys.exit(f"not ready: {b' '.join(status).decode('ascii', 'replace') or 'no answer'}")
