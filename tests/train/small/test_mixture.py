import hashlib
import json
from dataclasses import replace

from problems.word_problems import WordProblem
from train.small.mixture import Mixture

N = 300


def test_both_families_come_in_their_shares() -> None:
    mixture = Mixture(words_share=0.3)
    words = sum(isinstance(mixture.example(1, i, 0).problem, WordProblem) for i in range(N))
    assert 60 < words < 120


def test_thinking_only_teaches_the_same_problems_without_a_mistake() -> None:
    mixture = Mixture()
    baseline = replace(mixture, has_reflections=False)
    for index in range(N):
        found = baseline.example(1, index, 1.0)
        assert found.problem == mixture.example(1, index, 1.0).problem
        assert all(segment.loss for segment in found.segments)
        assert "<reflection>" not in found.reply


def test_word_problems_have_mistakes_only_late() -> None:
    mixture = Mixture(words_share=1.0, words_mistakes_from=0.6)
    early = [mixture.example(1, index, 0.59).reply for index in range(N)]
    late = [mixture.example(1, index, 0.6).reply for index in range(N)]
    assert not any("<reflection>" in reply for reply in early)
    assert 20 < sum("<reflection>" in reply for reply in late) < 120


def test_the_training_data_are_those_of_the_model_that_ships() -> None:
    digest = hashlib.sha256()
    for index in range(N):
        example = Mixture().example(1, index, 1.0)
        digest.update(json.dumps([example.problem.prompt, example.reply]).encode())
        digest.update(bytes(segment.loss for segment in example.segments))
    assert digest.hexdigest()[:16] == "29cf93dd4f60bbdc"
