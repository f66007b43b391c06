"""The sizes of the terminal at which the screens fold."""

WIDE, TALL = 90, 30
"""Columns from which all stands side by side, and lines from which nothing has to be saved."""

LEAST = (40, 14)
"""Columns and lines below which only a sentence is shown."""
