"""Files of vectors, a module a format."""
