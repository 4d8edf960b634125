from eval.question import Question, sha256_of


def test_the_prompt_hash_is_of_all_that_the_model_is_shown() -> None:
    question = Question("a", ("What?",), "1", "g", ({"role": "user", "content": "Hm?"},))
    first = question.prompt_sha256()
    assert Question("b", ("What?",), "2", "", question.context).prompt_sha256() == first
    others = [
        question.prompt_sha256("Be brief."),
        question.prompt_sha256(""),
        Question("a", ("What?", "Why?"), "1", "g", question.context).prompt_sha256(),
        Question("a", ("What?",), "1", "g").prompt_sha256(),
        Question("a", ("What",), "1", "g", question.context).prompt_sha256(),
    ]
    assert len({first, *others}) == 6


def test_a_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert sha256_of({"a": 1, "b": [2, "ü"]}) == sha256_of({"b": [2, "ü"], "a": 1})
    assert sha256_of({"a": 1}) != sha256_of({"a": "1"})
