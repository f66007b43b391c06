"""What comes from servers as text or tokens, made into the tokens of a lane."""
