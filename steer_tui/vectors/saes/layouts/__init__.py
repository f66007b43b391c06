"""How each maker of SAEs lays out its files, brought to one shape."""
