"""Training of the embedded model: corpus, tokenizer, transformer, sparse autoencoder, labelled features."""
