#!/usr/bin/env python
"""Django's command line for Rollcall."""

import os
import signal
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to say at the end
        sys.exit(128 + signal.SIGPIPE)  # as any program whose reader has gone
    except ImproperlyConfigured as error:
        sys.stderr.write(f"rollcall: {error}\n")
        sys.exit(2)  # as for any other wrong input: nothing was done


if __name__ == "__main__":
    main()
