"""Variables in the dashboards' queries are filled in as Grafana does it: escaped in PromQL, quoted in Lucene."""

from __future__ import annotations

import pytest

from vitals_dashboards.filled import lucene, promql, used_variables, values


@pytest.mark.parametrize(
    ("chosen", "filled"),
    [
        (["a1"], 'up{x=~"a1"}'),
        (["a1", "b2"], 'up{x=~"(a1|b2)"}'),
        (["127.0.0.1:9100"], 'up{x=~"127\\\\.0\\\\.0\\\\.1:9100"}'),
        (["a|b", "c"], 'up{x=~"(a\\\\|b|c)"}'),
    ],
)
def test_promql_takes_values_as_an_escaped_regular_expression(chosen: list[str], filled: str) -> None:
    assert promql('up{x=~"$x"}', {"x": chosen}) == filled
    assert promql('up{x=~"${x}"}', {"x": chosen}) == filled


@pytest.mark.parametrize(("chosen", "filled"), [("a.b", 'up{x="a.b"}'), ('a"b', 'up{x="a\\"b"}'), ("a\\b", 'up{x="a\\\\b"}')])
def test_promql_takes_the_value_of_a_variable_with_one_as_text(chosen: str, filled: str) -> None:
    assert promql('up{x="$x"}', {"x": chosen}) == filled


def test_lucene_takes_values_quoted_with_or_between() -> None:
    assert lucene("id:$x AND level:>=17", {"x": ["a", "b-1"]}) == 'id:("a" OR "b\\-1") AND level:>=17'
    assert lucene("id:$x", {"x": []}) == "id:__empty__"


def test_grafana_s_own_variables_are_known_and_no_others() -> None:
    assert promql("rate(x[$__rate_interval]) * $__rate_interval_ms", {}) == "rate(x[40s]) * 40000"
    assert used_variables('x{a=~"$a", b="${b}"}[$__rate_interval]') == {"a", "b"}
    with pytest.raises(KeyError):
        promql("$unknown", {})


def test_a_variable_is_asked_for_with_the_choice_of_those_before_it() -> None:
    asked: list[tuple[str, str]] = []

    def label_values(selector: str, label: str) -> list[str]:
        asked.append((selector, label))
        return ["one", "two"]

    def variable(name: str, query: str, *, multi: bool = True) -> dict[str, object]:
        return {"name": name, "query": {"query": query}, "multi": multi}

    board = {
        "templating": {
            "list": [
                variable("a", "label_values(info, a)"),
                variable("b", 'label_values(info{a=~"$a", x="y"}, b)', multi=False),
                variable("c", 'label_values(info{b="$b"}, c)'),
            ],
        }
    }
    assert values(board, label_values) == {"a": ["one", "two"], "b": "one", "c": ["one", "two"]}
    assert asked == [("info", "a"), ('info{a=~"(one|two)", x="y"}', "b"), ('info{b="one"}', "c")]
