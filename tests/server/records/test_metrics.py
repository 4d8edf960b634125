"""The metrics page has our families at zero, and the engine's beside them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from server.records.metrics import Metrics, Outcome


def test_every_family_is_there_from_the_start() -> None:
    names = {family.name for family in text_string_to_metric_families(Metrics().render().decode())}
    assert names >= {
        "reflect_requests",
        "reflect_requests_in_flight",
        "reflect_time_to_first_answer_token_seconds",
        "reflect_prompt_tokens",
        "reflect_hidden_tokens",
        "reflect_visible_tokens",
        "reflect_budget_hits",
        "reflect_forced_closes",
        "reflect_stray_tokens",
    }


def test_families_of_the_default_registry_stand_beside_ours() -> None:
    assert b"python_info" in Metrics().render()


def test_two_applications_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.requests.labels("/x", Outcome.OK).inc()
    assert b'endpoint="/x"' in first.render()
    assert b'endpoint="/x"' not in second.render()
