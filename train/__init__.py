"""Making reflection-tuned models: data with masks, fine-tuning and export as a bundle."""
