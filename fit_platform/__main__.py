"""`python -m fit_platform` is `fit-platform`."""

from fit_platform.cli import main

if __name__ == "__main__":
    main()
