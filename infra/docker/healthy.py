"""Exit with 0 if the service in this container is ready, with 1 if it is not or nobody answers."""

import sys
import urllib.error
import urllib.request

try:
    port = sys.argv[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=4) as answer:
        sys.exit(answer.status != 200)
except (urllib.error.URLError, OSError) as problem:
    sys.exit(f"not ready: {problem}")
