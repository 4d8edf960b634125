"""Generated questions with answers that can be checked exactly: `train` teaches, `eval` asks."""
