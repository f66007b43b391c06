"""Lets `python -m steer_tui` do what the `steer-tui` command does."""

from steer_tui.cli import main

if __name__ == "__main__":
    main()
