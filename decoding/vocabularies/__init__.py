"""How each kind of tokenizer spells its tokens."""
