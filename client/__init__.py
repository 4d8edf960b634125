"""The asking side of the OpenAI chat API: `train` asks its teacher, `eval` what it measures."""
