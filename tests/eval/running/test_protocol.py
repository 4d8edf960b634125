from eval.question import Question
from eval.running.protocol import Protocol, Treatment

QUESTION = Question("a", ("2 + 2?",), "4", context=({"role": "user", "content": "1 + 1?"},))


def test_the_system_prompt_comes_before_the_examples() -> None:
    assert Protocol(system="Be brief.").opening(QUESTION) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1 + 1?"},
    ]
    assert Protocol().opening(QUESTION) == [{"role": "user", "content": "1 + 1?"}]


def test_what_is_left_to_the_server_is_not_sent() -> None:
    assert Protocol(temperature=None).fields() == {}
    assert Protocol(top_p=0.9, max_tokens=5).fields() == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 5,
    }
    assert Treatment().request_fields(0) == {}


def test_epochs_have_a_seed_each() -> None:
    assert [Treatment(epochs=3, seed=7).request_fields(e)["seed"] for e in range(3)] == [7, 8, 9]
    assert [Treatment(epochs=2).request_fields(e)["seed"] for e in range(2)] == [0, 1]


def test_repeats_are_equal_requests() -> None:
    treatment = Treatment(repeat=2, seed=7)
    assert treatment.request_fields(0) == treatment.request_fields(1) == {"seed": 7}
    assert treatment.num_answers == 2


def test_more_fields_join_the_request() -> None:
    treatment = Treatment(effort="low", fields={"top_k": 20})
    assert treatment.request_fields(0) == {"reasoning_effort": "low", "top_k": 20}
