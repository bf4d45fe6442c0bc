"""`python -m homestream`."""

from homestream.cli import main

main()
