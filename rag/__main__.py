"""Run the command line: `python -m rag COMMAND …`."""

import sys

from rag.cli import main

if __name__ == "__main__":
    sys.exit(main())
