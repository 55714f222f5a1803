"""The nouns: plain values and pure functions, no input or output."""
