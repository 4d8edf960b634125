"""IFD and r-IFD as the published scripts compute them, re-implemented; of ours it has the prompts.

One sample at a time, four forwards, the loss over all positions and the whole vocabulary, the
hidden states of all layers; texts and numbers as published, question and input glued.
"""

from __future__ import annotations

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from train.sample import Sample
from train.scoring.ratios import GUESS
from train.scoring.templates import VICUNA


class Published:
    """One sample at a time, four forwards, loss over all positions and the whole vocabulary."""

    def __init__(self, folder: str, max_length: int) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._max_length = max_length

    def score(self, sample: Sample) -> tuple[float, float, float, float]:
        """Return the mean nats of y|x, y, x|y and x; NaN where nothing is left of the target."""
        question = sample.instruction + sample.input  # glued, as published
        forward = f"{VICUNA} USER: {question} ASSISTANT:"
        request = GUESS.replace("{response}", sample.response)
        reverse = f"{VICUNA} USER: {request} ASSISTANT:"
        return (
            *self._both(forward, sample.response),
            *self._both(reverse, question),
        )

    def _both(self, prompt: str, target: str) -> tuple[float, float]:
        room = self._max_length - len(self._encode(prompt, self._max_length)) + 1
        whole = prompt + target
        start = len(self._encode(whole[: whole.rfind(target)], None))
        return self._loss(whole, self._max_length, start), self._loss(target, room, 0)

    def _loss(self, text: str, max_length: int, start: int) -> float:
        ids = torch.tensor([self._encode(text, max_length)])
        labels = ids.clone()
        labels[0, :start] = -100
        with torch.no_grad():
            loss = self._model(input_ids=ids, labels=labels, output_hidden_states=True).loss
        return float(loss)

    def _encode(self, text: str, max_length: int | None) -> list[int]:
        bos = self._model.config.bos_token_id
        ids = [bos, *self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
        return ids[:max_length]
