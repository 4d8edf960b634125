"""Building: samples and self-corrections as token ids and labels."""
