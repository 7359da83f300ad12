"""The command ``inceptive``, also as ``python -m inceptive``."""

import signal
import sys
from typing import NoReturn

from . import _inceptive


def main() -> NoReturn:
    """Do what the arguments of this process ask for, and exit."""
    # Ctrl-C ends the process, unless the command has something to save first: Python would only take note of it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_inceptive.main(["inceptive", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
