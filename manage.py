#!/usr/bin/env python
"""Django's command line for Rollcall."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"rollcall: {error}\n")
        sys.exit(2)  # as for any other wrong input: nothing was done


if __name__ == "__main__":
    main()
