import numpy as np
import pytest

from problems.problem import Problem
from tests.train.small.tiny import tiny_tokenizer
from train.segments import Example
from train.small import countdown, word_problems
from train.small.labels import label
from train.small.tokenizer import EOS, prompt_text


def examples() -> list[Example[Problem]]:
    words: list[Example[Problem]] = [
        word_problems.example(1, i, p_mistake=0.5, p_clean=0) for i in range(30)
    ]
    return words + [countdown.example(1, i, p_more=0.7) for i in range(30)]


@pytest.mark.parametrize("found", examples(), ids=lambda e: e.problem.prompt[:20])
def test_exactly_the_intended_characters_are_learned(found: Example[Problem]) -> None:
    tokenizer = tiny_tokenizer()
    (labelled,) = label(tokenizer, [found])
    learned = "".join(
        tokenizer.decode([token]) if weight else "\0"
        for token, weight in zip(labelled.ids, labelled.weights, strict=True)
    )
    pieces = [piece for piece in learned.split("\0") if piece]
    wanted = "".join(s.text if s.loss else "\0" for s in found.segments) + EOS
    assert [p.strip() for p in pieces] == [p.strip() for p in wanted.split("\0") if p.strip()]


def test_the_ids_are_those_of_the_whole_conversation() -> None:
    tokenizer = tiny_tokenizer()
    for found, labelled in zip(examples(), label(tokenizer, examples()), strict=True):
        text = prompt_text(tokenizer, found.problem.prompt) + found.reply + EOS
        assert tokenizer.decode(labelled.ids) == text
        assert labelled.ids.tolist() == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_nothing_of_the_prompt_is_learned() -> None:
    tokenizer = tiny_tokenizer()
    for found, labelled in zip(examples(), label(tokenizer, examples()), strict=True):
        prompt = prompt_text(tokenizer, found.problem.prompt)
        length = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        assert not labelled.weights[:length].any()
        assert labelled.weights[length] == 1
        assert set(np.unique(labelled.weights)) <= {0.0, 1.0}
