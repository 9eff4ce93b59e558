"""The tests' own KQL reader: what the cheat sheet's test relies on."""

from __future__ import annotations

import pytest

from ..kql import All, Is, Joined, KqlError, Node, Not, Range, fields, parse, to_elasticsearch


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", All()),
        ("trace_id : *", Is("trace_id", "*")),
        ("message: input refused", Is("message", "input refused")),
        ('message : "input refused"', Is("message", "input refused", True)),
        ("refused", Is(None, "refused")),
        ("duration >= 100000000", Range("duration", "gte", "100000000")),
        ("a < 1 and b > 2", Joined("and", (Range("a", "lt", "1"), Range("b", "gt", "2")))),
        ("a : 1 or b : 2 and c : 3", Joined("or", (Is("a", "1"), Joined("and", (Is("b", "2"), Is("c", "3")))))),
        ("(a : 1 or b : 2) and c : 3", Joined("and", (Joined("or", (Is("a", "1"), Is("b", "2"))), Is("c", "3")))),
        ("not a : 1 and b : 2", Joined("and", (Not(Is("a", "1")), Is("b", "2")))),
        ("level : (ERROR or WARN)", Joined("or", (Is("level", "ERROR"), Is("level", "WARN")))),
        ("level : not DEBUG", Not(Is("level", "DEBUG"))),
        ("NOT a:1 AND b:x*", Joined("and", (Not(Is("a", "1")), Is("b", "x*")))),
        ('name : "POST /predict"', Is("name", "POST /predict", True)),
        (r"path : \(unknown\)", Is("path", "(unknown)")),
        ("android : 1", Is("android", "1")),
        ("origin : norway", Is("origin", "norway")),
        ("refused and a : 1", Joined("and", (Is(None, "refused"), Is("a", "1")))),
    ],
)
def test_reads_as_kibanas_grammar_says(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize("text", ["a :", "(a : 1", "a : 1)", "a : { b : 1 }", "attr* : 1", "a >", r"a : \*"])
def test_refuses_what_it_can_not_read(text: str) -> None:
    with pytest.raises(KqlError):
        parse(text)


def test_names_the_fields() -> None:
    assert fields(parse("a : 1 and (b.c > 2 or not d : x*) and free text")) == {"a", "b.c", "d"}


def test_translates_by_the_fields_type() -> None:
    types = {"level": "keyword", "message": "text", "@timestamp": "date_nanos", "status": "long"}

    def query(text: str) -> object:
        return to_elasticsearch(parse(text), types)

    assert query("level : ERROR") == {"term": {"level": {"value": "ERROR"}}}
    assert query("level : ERR*") == {"wildcard": {"level": {"value": "ERR*"}}}
    assert query("message : in*") == {"query_string": {"fields": ["message"], "query": "in*"}}
    assert query("message : input refused") == {"match": {"message": "input refused"}}
    assert query('message : "input refused"') == {"match_phrase": {"message": "input refused"}}
    assert query("status : 500") == {"match": {"status": "500"}}
    assert query("level : *") == {"exists": {"field": "level"}}
    assert query('@timestamp : "2026-11-21"') == {"range": {"@timestamp": {"gte": "2026-11-21", "lte": "2026-11-21"}}}
    assert query("not level : ERROR") == {"bool": {"must_not": {"term": {"level": {"value": "ERROR"}}}}}
    assert query("* : *") == {"match_all": {}}
    assert query("status >= 500 and level : *") == {
        "bool": {"filter": [{"range": {"status": {"gte": "500"}}}, {"exists": {"field": "level"}}]}
    }
