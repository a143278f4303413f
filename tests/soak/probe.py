"""Request a page's /healthz repeatedly until the standard input ends: `python probe.py URL`.

Prints the seconds that each response took, as a JSON list. It runs in a separate process, since the readers' own work would
add to the times.
"""

from __future__ import annotations

import json
import select
import sys
import time

import httpx

if __name__ == "__main__":
    took = []
    with httpx.Client(base_url=sys.argv[1], timeout=30) as client:
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            started = time.monotonic()
            client.get("/healthz").raise_for_status()
            took.append(time.monotonic() - started)
    print(json.dumps(took))
