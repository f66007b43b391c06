"""The terminal app: it reads the state and sends what a person does, and nothing else."""
