from pathlib import Path
from typing import Any

import torch

from tests.train.small.tiny import tiny_tokenizer, tiny_tuning
from train.exporting.greedy import write_greedily
from train.small.sampling import sample

PROMPTS = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10, 11, 12, 13, 14]]


def written(tmp_path: Path, **options: Any) -> tuple[Any, int, list[list[int]]]:
    tokenizer = tiny_tokenizer()
    model = tiny_tuning(tmp_path).model
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    return model, eos, sample(model, PROMPTS, eos=eos, pad=pad, max_tokens=12, **options)


def test_a_batch_writes_greedily_what_each_prompt_gets_alone(tmp_path: Path) -> None:
    model, eos, replies = written(tmp_path)
    assert replies == [list(write_greedily(model, each, 12, [eos]).ids) for each in PROMPTS]


def test_equal_seeds_give_equal_samples(tmp_path: Path) -> None:
    first = written(tmp_path, temperature=1.5, seed=1)[2]
    assert written(tmp_path, temperature=1.5, seed=1)[2] == first
    assert written(tmp_path, temperature=1.5, seed=2)[2] != first


def test_a_reply_ends_at_its_first_end_token_and_rows_that_end_are_dropped(tmp_path: Path) -> None:
    class Scripted(torch.nn.Module):
        """Ends row r after r + 1 tokens, whatever it reads."""

        def forward(self, input_ids: torch.Tensor, past_key_values: Any, **_: Any) -> Any:
            state = past_key_values or State(torch.arange(len(input_ids)))
            state.steps += 1
            logits = torch.zeros(len(state.rows), 1, 20)
            logits[:, 0, 5] = 1.0
            logits[state.rows < state.steps - 1, 0, 9] = 2.0
            return type("Out", (), {"past_key_values": state, "logits": logits})

    class State:
        def __init__(self, rows: torch.Tensor) -> None:
            self.rows, self.steps = rows, 0

        def batch_select_indices(self, keep: torch.Tensor) -> None:
            self.rows = self.rows[keep]

    replies = sample(Scripted(), [[1], [1], [1], [1]], eos=9, pad=0, max_tokens=3)
    assert replies == [[5, 9], [5, 5, 9], [5, 5, 5], [5, 5, 5]]
