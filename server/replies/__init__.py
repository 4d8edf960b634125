"""From token ids to what a client sees: choices, their text, calls, logprobs, streams."""
