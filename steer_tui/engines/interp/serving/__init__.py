"""The server behind the engine: how it is found, started, watched and ended."""
