"""What .env may look like on people's machines, and what is told of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from vitals.checkout import ROOT
from vitals.errors import SettingsError
from vitals.settings import env_file
from vitals.settings.option_table import as_env


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if not name.startswith("SERVICE_")})


def _written(folder: Path, content: bytes | str) -> Path:
    path = folder / ".env"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "SERVICE_PORT=8001\n",
        "\ufeffSERVICE_PORT=8001\n",
        "SERVICE_PORT=8001\r\nLOG_LEVEL=DEBUG\r\n",
        "# größe\nexport SERVICE_PORT = '8001'  # über\n\n",
        'SERVICE_PORT="8001"',
    ],
    ids=["plain", "byte order mark", "CRLF", "export, quotes, comments", "no line feed at the end"],
)
def test_is_read(content: str, tmp_path: Path) -> None:
    assert env_file.load(_written(tmp_path, content)) == []
    assert os.environ["SERVICE_PORT"] == "8001"


def test_the_environment_wins(tmp_path: Path) -> None:
    os.environ["SERVICE_PORT"] = "8002"
    env_file.load(_written(tmp_path, "SERVICE_PORT=8001\n"))
    assert os.environ["SERVICE_PORT"] == "8002"


def test_a_folder_with_an_umlaut_arrives_as_it_is(tmp_path: Path) -> None:
    env_file.load(_written(tmp_path, "MODEL_DIR=/srv/größe\n"))
    assert os.environ["MODEL_DIR"] == "/srv/größe"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("SERVICE_PORT=1".encode("utf-16"), "is in UTF-16: save it as UTF-8."),
        ("SERVICE_PORT=1".encode("utf-16-le"), "is no text, or is in UTF-16: save it as UTF-8."),
        ("LOG_LEVEL=INFO\nMODEL_DIR=/größe".encode("latin-1"), "is not in UTF-8 (line 2 has the byte 0xF6): save it as UTF-8."),
        ("SERVICE_PORT 8001\n", "line 1 (SERVICE_PORT …) says nothing: a line is NAME=value, or a comment after #."),
        ("LOG_LEVEL=INFO\nTOKEN: secret\n", "line 2 (TOKEN …) says nothing: a line is NAME=value, or a comment after #."),
        ("SERVICE_PORT\n", "line 1 (SERVICE_PORT …) says nothing: a line is NAME=value, or a comment after #."),
        ("=8001\n", "line 1 says nothing: a line is NAME=value, or a comment after #."),
    ],
)
def test_what_can_not_be_read_is_a_sentence_without_values(content: bytes | str, sentence: str, tmp_path: Path) -> None:
    path = _written(tmp_path, content)
    with pytest.raises(SettingsError) as refused:
        env_file.load(path)
    assert str(refused.value).startswith(str(path))
    assert str(refused.value).removeprefix(str(path)).lstrip(", ") == sentence


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("SERVCE_PORT=8001", "SERVCE_PORT is no option: did you mean SERVICE_PORT?"),
        ("service_port=8001", "service_port is no option: did you mean SERVICE_PORT?"),
        ("METRIC_BACKEND=mimir", "METRIC_BACKEND is no option: did you mean METRICS_BACKEND?"),
        ("VITALS_STAT_DIR=/x", "VITALS_STAT_DIR is no option: did you mean VITALS_STATE_DIR?"),
        ("QXZ=1", "QXZ is no option. `vitals options` lists them."),
    ],
)
def test_what_is_no_option_is_named_with_the_nearest(line: str, told: str, tmp_path: Path) -> None:
    path = _written(tmp_path, f"LOG_LEVEL=INFO\n{line}\n")
    assert env_file.load(path) == [f"{path}, line 2: {told}"]


@pytest.mark.parametrize(
    "name", ["OTEL_SERVICE_NAME", "COMPOSE_PROJECT_NAME", "HTTPS_PROXY", "no_proxy", "TZ", "VITALS_FAST_PATH"]
)
def test_variables_of_other_programs_may_stand_there(name: str, tmp_path: Path) -> None:
    assert env_file.load(_written(tmp_path, f"{name}=x\n")) == []


def test_the_example_and_all_that_compose_reads_are_options(tmp_path: Path) -> None:
    example = re.sub(r"^#(?=[A-Z_]+=)", "", as_env(), flags=re.MULTILINE)
    files = [ROOT / "compose.yaml", *(ROOT / "overlays").glob("*.yaml")]
    read = sorted({name for file in files for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())})
    assert len(read) > 50
    assert env_file.load(_written(tmp_path, example + "".join(f"{name}=x\n" for name in read))) == []


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"SERVCE_PORT": "1"}, ["SERVCE_PORT is set in the environment, and is no option: did you mean SERVICE_PORT?"]),
        ({"SERVICE_PROT": "1", "SERVICE_PORT": "2"}, []),
        ({"SERVICE_NAME": "x", "MODEL": "y", "KUBERNETES_SERVICE_PORT": "443", "LOG_DIR": "/", "OTEL_LOGS_BACKEND": "x"}, []),
    ],
    ids=["misspelt", "another is set", "of others"],
)
def test_a_misspelt_variable_of_the_environment_is_told(environment: dict[str, str], told: list[str]) -> None:
    assert env_file.misspelt(environment) == told
