from typing import Any

import torch

from decoding.bundle import GoldenReply
from train.exporting.golden import surest

STOP = 9


class Scripted(torch.nn.Module):
    """Writes the tokens (with leads) of the prompt's first id, whatever else it reads."""

    device = torch.device("cpu")

    def __init__(self, scripts: dict[int, list[tuple[int, float]]]) -> None:
        super().__init__()
        self.scripts = scripts

    def forward(self, input_ids: torch.Tensor, past_key_values: Any, **_: Any) -> Any:
        script = past_key_values or iter(self.scripts[int(input_ids[0, 0])])
        token, lead = next(script)
        logits = torch.zeros(1, 1, 10)
        logits[0, 0, token] = lead
        return type("Out", (), {"past_key_values": script, "logits": logits})


def test_the_surest_whole_replies_come_first() -> None:
    model = Scripted({1: [(5, 2.0), (STOP, 2.0)], 2: [(6, 4.0), (STOP, 3.0)], 3: [(7, 1.0)] * 4})
    found = surest(model, [[1], [2], [3]], 2, 4, [STOP])
    assert found == [GoldenReply((2,), (6, STOP)), GoldenReply((1,), (5, STOP))]


def test_a_reply_ends_before_a_token_that_rounding_could_turn() -> None:
    model = Scripted(
        {
            1: [(5, 2.0), (6, 2.0), (7, 0.1), (STOP, 2.0)],
            2: [(5, 0.2), (STOP, 2.0)],
            3: [(8, 2.0), (7, 0.0), (STOP, 2.0)],
        }
    )
    found = surest(model, [[1], [2], [3]], 8, 4, [STOP], least_lead=1.0)
    assert found == [GoldenReply((1,), (5, 6)), GoldenReply((3,), (8,))]
