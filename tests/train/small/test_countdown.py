from decoding.format import Reply, ReplyFormat
from problems.countdown import MAX_TARGET
from train.segments import Kind
from train.small.countdown import example


def test_an_example_is_a_pure_function_of_seed_and_index() -> None:
    first = [example(3, index, p_more=0.5) for index in range(20)]
    assert [example(3, index, p_more=0.5) for index in reversed(range(20))][::-1] == first
    assert example(4, 0) != example(3, 0)


def test_a_reply_is_well_formed_ends_right_and_repeats_no_attempt() -> None:
    for index in range(300):
        found = example(1, index, p_more=0.7)
        reply = Reply.parse(found.reply, ReplyFormat())
        assert found.problem.target <= MAX_TARGET
        assert found.problem.is_right(reply.answer)
        lines = [line for line in found.reply.split("\n") if " = " in line and "<" not in line]
        assert len(set(lines)) == len(lines) <= 9


def test_of_a_wrong_attempt_only_the_choices_are_masked() -> None:
    seen = 0
    for index in range(100):
        segments = example(2, index, p_more=0.7).segments
        for segment in segments:
            if not segment.loss:
                seen += 1
                assert segment.kind is Kind.WRONG
                before, sign, operand = segment.text.split(" ")
                assert before.isdigit()
                assert operand.isdigit()
                assert sign in "+-*"
        results = [s for s in segments if s.kind is Kind.WRONG and s.loss]
        assert all(s.text.startswith(" = ") for s in results)
    assert seen > 100
