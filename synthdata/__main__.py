"""``python -m synthdata`` is the command line."""

from synthdata.cli import main

main()
