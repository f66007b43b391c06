"""The folder of a sparse autoencoder: its settings, tables, labels, and single rows of it."""
