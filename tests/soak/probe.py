"""Ask a page's /healthz again and again, from a process of its own, until the standard input ends: `python probe.py URL`.

Prints the seconds that each answer took, as a JSON list. Readers that share a process with the probe would be timed too.
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
