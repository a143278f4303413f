"""Start the chat page: `python app.py [--host --port --auth …]`."""

from __future__ import annotations

import argparse
import logging
import sys
import threading

from rag.cli import run
from rag.errors import RagError
from rag.pipeline import Rag
from rag.settings import Settings, cache_folder
from rag.ui.server import LOOPBACK, address_of, bind, create_app, read_auth, serve


def main() -> int:
    """Serve the page and return the exit code."""
    parser = argparse.ArgumentParser(description="Serve the chat page, by default only to this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 127.0.0.1 by default")
    parser.add_argument("--port", type=int, default=7860, help="the port to listen on; 7860 by default")
    parser.add_argument("--auth", metavar="FILE", help="a file that contains name:password, instead of the variable RAG_AUTH")
    parser.add_argument("--allow-public", action="store_true", help="let other machines connect without a password")
    parser.add_argument(
        "--share",
        action="store_true",
        help="let machines on this network connect (needs a password or --allow-public); opens no tunnel, unlike Gradio's",
    )
    options = parser.parse_args()
    return run(lambda: _serve("0.0.0.0" if options.share else options.host, options))


def _serve(host: str, options: argparse.Namespace) -> int:
    auth = read_auth(options.auth)
    bound = bind(host, options.port, auth, options.allow_public)
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("rag").setLevel(logging.INFO)
    rag = Rag(Settings.load())
    threading.Thread(target=_warm, args=(rag,), name="warm", daemon=True).start()
    address = address_of(bound)
    print(address, flush=True)
    hosts = LOOPBACK if host in LOOPBACK else ("*",)
    serve(create_app(rag, cache_folder() / "feedback.jsonl", address, auth, hosts), bound, rag.close)
    return 0


def _warm(rag: Rag) -> None:
    """Load the models while the page is already served; errors are also shown on the page and at /healthz."""
    try:
        rag.warm()
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
