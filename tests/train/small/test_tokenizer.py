from decoding.format import ReplyFormat
from tests.train.small.tiny import TINY, tiny_tokenizer
from train.small.tokenizer import CONTROL, prompt_ids, train_tokenizer


def test_every_digit_is_one_token() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer("12 + 345 = 357\n", add_special_tokens=False)["input_ids"]
    pieces = [tokenizer.decode([i]) for i in ids]
    assert [p for p in pieces if p.strip().isdigit()] == list("12345357")


def test_tags_are_one_token_each_and_survive_skipping_special_tokens() -> None:
    tokenizer = tiny_tokenizer()
    for tag in ReplyFormat().tags:
        ids = tokenizer(f"3{tag}4", add_special_tokens=False)["input_ids"]
        assert len(ids) == 3
        assert tokenizer.decode(ids, skip_special_tokens=True) == f"3{tag}4"


def test_control_tokens_are_special() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer("".join(CONTROL), add_special_tokens=False)["input_ids"]
    assert len(ids) == len(CONTROL)
    assert tokenizer.decode(ids, skip_special_tokens=True) == ""


def test_a_conversation_has_one_bos_and_no_system_turn() -> None:
    tokenizer = tiny_tokenizer()
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": " Make 5. "},
        {"role": "assistant", "content": "<output>5</output>"},
        {"role": "user", "content": "Again."},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nMake 5.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<output>5</output><|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nAgain.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert prompt_ids(tokenizer, "Hi.").count(tokenizer.bos_token_id) == 1


def test_any_text_survives_the_round_trip() -> None:
    tokenizer = tiny_tokenizer()
    for text in ("naïve ≠ 12\t\n", "日本語 42", "  two  spaces ", "a\r\nb", "<thinking"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text


def test_the_baseline_gets_the_same_tokenizer() -> None:
    corpus = TINY.thinking_only().corpus
    other = train_tokenizer(
        corpus, TINY.seed, TINY.vocab_size, TINY.num_tokenizer_examples, TINY.max_length
    )
    assert other.backend_tokenizer.to_str() == tiny_tokenizer().backend_tokenizer.to_str()
