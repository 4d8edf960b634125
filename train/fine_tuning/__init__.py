"""Fine-tuning: built data into a model, wholly or by LoRA, resumable at any step."""
