"""Writes docs/reference/conformance.md: `python tests/conformance/page.py > docs/reference/conformance.md`."""

import sys

from matrix.page import page

if __name__ == "__main__":
    sys.stdout.write(page())
