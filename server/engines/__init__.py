"""What turns token ids into more token ids: the protocol, and vLLM behind it."""
