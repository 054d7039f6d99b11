#!/usr/bin/env -S python3 -ISB
"""`healthy PORT PATH`: the health check of our own containers: exit code 0 when the path answers 200. Stands alone."""

import http.client
import sys


def main() -> int:
    port, path = sys.argv[1:]
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=3)
        connection.request("GET", path)
        answer = connection.getresponse()
    except OSError as error:
        print(f"port {port} does not answer: {error}")
        return 1
    print(answer.status, answer.read(300).decode("utf-8", "replace"))
    return int(answer.status != 200)


if __name__ == "__main__":
    sys.exit(main())
