"""The training text: a grammar, its lexicon, and the documents they make."""
