"""From messages to token ids: the chat template, and what a client can never write into it."""
