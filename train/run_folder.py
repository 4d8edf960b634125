"""The names in a run's folder, where the stages meet: who writes what is in train/README.md."""

SAMPLES, DATA = "samples.jsonl", "data.json"
TEACHER, JOURNAL = "teacher", "journal.jsonl"
SCORES, SCORED = "scores", "scored"  # SCORED with .jsonl, and with .json its manifest
RECYCLED, RECYCLED_MANIFEST = "recycled.jsonl", "recycled.json"
ATTEMPTS = "attempts.jsonl"
BUILT, BUILT_MANIFEST, DROPS, TOKENIZER = "built", "built.json", "drops.jsonl", "tokenizer"
TUNING, TUNING_MANIFEST, CURVES = "tuning", "sft.json", "curves.jsonl"
TUNED = "tuned"
BUNDLE, BUNDLE_MANIFEST = "bundle", "manifest.json"
REPORT = "report.html"
