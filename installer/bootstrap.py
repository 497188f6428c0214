"""Install MedLab into an environment of its own, then open it or test it.

Needs nothing but the standard library of Python 3.11 or newer. The syntax of this
file is old on purpose, so that an older Python can read it and say what is missing.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where an old Python is told
    sys.stderr.write(
        "MedLab needs Python 3.11 or newer (up to 3.14), and this is Python "  # noqa: UP031
        "%d.%d; install a newer one and start this script with it.\n"
        % sys.version_info[:2]
    )
    sys.exit(2)

if __name__ == "__main__":
    from medlab_installer.main import main

    sys.exit(main())
