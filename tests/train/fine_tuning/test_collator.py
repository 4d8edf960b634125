import numpy as np
import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from train.fine_tuning.collator import Collator

ROWS = [
    {"input_ids": [5, 6, 7], "labels": [-100, 6, 7], "kinds": [0, 1, 2]},
    {"input_ids": [8, 9], "labels": [-100, 9], "kinds": [0, 5]},
]


def test_kinds_stand_beside_their_tokens_padded_with_prompt() -> None:
    batch = Collator(DataCollatorForLanguageModeling(pad_token_id=1))(ROWS)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 1]]
    assert batch["kinds"].tolist() == [[0, 1, 2], [0, 5, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [-100, 9, -100]]


def test_kinds_of_packed_rows_stand_end_to_end() -> None:
    inner = DataCollatorForLanguageModeling(pad_token_id=1, padding_free=True, pad_to_multiple_of=4)
    rows = [{**row, "seq_lengths": [len(row["input_ids"])]} for row in ROWS]
    batch = Collator(inner)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 1, 1, 1]]
    assert batch["kinds"].tolist() == [[0, 1, 2, 0, 5, 0, 0, 0]]


def test_arrays_are_rows_too() -> None:
    rows = [
        {name: np.array(column, dtype=np.int64) for name, column in row.items()} for row in ROWS
    ]
    batch = Collator(DataCollatorForLanguageModeling(pad_token_id=1))(rows)
    assert torch.equal(batch["kinds"], torch.tensor([[0, 1, 2], [0, 5, 0]]))
