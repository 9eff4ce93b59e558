"""ROOT_PATH and FORWARDED_ALLOW_IPS: what is taken, as what, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st

from vitals.app import create_app
from vitals.errors import SettingsError
from vitals.settings.proxy_options import PARENTS
from vitals.settings.service import Settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ""),
        ("/", ""),
        ("/ml", "/ml"),
        ("/ml/", "/ml"),
        ("/team/ml-2", "/team/ml-2"),
        ("/~ml/v2.1_a", "/~ml/v2.1_a"),
        ("/model", "/model"),
        ("/v3", "/v3"),
        ("/predict", "/predict"),
    ],
)
def test_a_prefix_is_taken(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT_PATH", written)
    assert Settings.load().root_path == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ml", "must start with a slash"),
        ("https://example.com/ml", "no scheme or host"),
        ("//x", "one slash before each"),
        ("//", "one slash before each"),
        ("/ml//", "one slash before each"),
        ("/m l", "one slash before each"),
        ("/ml?a=1", "one slash before each"),
        ("/ml#a", "one slash before each"),
        ("/%6Dl", "one slash before each"),
        ("/mü", "one slash before each"),
        ("/ml\n", "one slash before each"),
        ("/{name}", "one slash before each"),
        ("/../ml", "one slash before each"),
        ("/ml/.", "one slash before each"),
        ("/v2", "routes below /v2"),
        ("/v2/models/", "routes below /v2"),
        ("/health", "routes below /health"),
        ("/docs/ml", "routes below /docs"),
    ],
)
def test_what_is_no_prefix_is_a_sentence(written: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT_PATH", written)
    with pytest.raises(SettingsError) as wrong:
        Settings.load()
    [sentence] = str(wrong.value).splitlines()
    assert sentence.startswith("ROOT_PATH is wrong: ")
    assert said in sentence
    assert repr(written) in sentence


@given(st.text(alphabet="/abc.~-_%? ", max_size=12))
def test_what_is_taken_is_a_path_as_asgi_has_it(written: str) -> None:
    try:
        taken = Settings.load(root_path=written).root_path
    except SettingsError:
        return
    assert taken == written.removesuffix("/")
    assert taken == "" or (taken.startswith("/") and not taken.endswith("/") and "//" not in taken)


def test_the_first_segments_that_are_refused_are_those_with_routes_below_them(model_folder: Path) -> None:
    """Of any other prefix `/prefix/…` can mean one thing only."""
    app = create_app(Settings.load(model_dir=model_folder, metrics_pull=True))
    paths = [context.path or "" for context in iter_route_contexts(app.routes)]
    assert {path.split("/")[1] for path in paths if path.count("/") > 1} == set(PARENTS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ""),
        (" , ", ""),
        ("*", "*"),
        (" * ", "*"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("10.0.0.0/8, ::1", "10.0.0.0/8,::1/128"),
        ("2001:DB8::/32,", "2001:db8::/32"),
    ],
)
def test_hosts_are_taken(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", written)
    taken = Settings.load().forwarded_allow_ips
    assert taken == meant
    assert Settings.load(forwarded_allow_ips=taken).forwarded_allow_ips == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("localhost", "'localhost' is neither an IP address nor a network"),
        ("nginx.example", "host names are not looked up"),
        ("127.0.0.1:8000", "neither an IP address nor a network"),
        ("127.0.0.1 10.0.0.1", "neither an IP address nor a network"),
        ("10.0.0.0/33", "neither an IP address nor a network"),
        ("10.0.0.5/8", "write 10.0.0.5, or 10.0.0.0/8 for the whole network"),
        ("10.0.0.1,*", "must stand alone"),
    ],
)
def test_what_is_no_host_is_a_sentence(written: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", written)
    with pytest.raises(SettingsError) as wrong:
        Settings.load()
    [sentence] = str(wrong.value).splitlines()
    assert sentence.startswith("FORWARDED_ALLOW_IPS is wrong: ")
    assert said in sentence
