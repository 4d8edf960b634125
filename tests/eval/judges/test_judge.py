from eval.judges.judge import Judge
from eval.judges.verdict import PAIR, RATING

CONVERSATION = ({"role": "user", "content": "?"},)


def test_a_verdict_is_of_one_judge_conversation_and_way_of_asking() -> None:
    judges = [
        Judge("a"),
        Judge("b"),
        Judge("a", as_json=True),
        Judge("a", max_tokens=10),
        Judge("a", fields={"seed": 1}),
    ]
    keys = [judge.key(CONVERSATION, PAIR) for judge in judges]
    others = [judges[0].key((*CONVERSATION, *CONVERSATION), PAIR), judges[2].key((), RATING)]
    assert len({*keys, *others}) == 7
    assert Judge("a").key(CONVERSATION, RATING) == keys[0]


def test_it_judges_at_temperature_0_unless_told_otherwise() -> None:
    assert Judge("a").request_fields(PAIR) == {"temperature": 0, "max_tokens": 2048}
    told = Judge("a", fields={"temperature": None, "reasoning_effort": "low"})
    assert told.request_fields(PAIR) == {"max_tokens": 2048, "reasoning_effort": "low"}


def test_it_can_be_read_from_a_manifest() -> None:
    judge = Judge("a", True, 100, {"seed": 1})
    assert Judge.from_dict(judge.to_dict() | {"errors": 0}) == judge
