"""What the help says about options that nobody gives."""

import pytest
from typer.testing import CliRunner

from stepraft.cli.main import app


@pytest.mark.parametrize(
    ("command", "default"),
    [
        pytest.param("start", "[default: (127.0.0.1:7400)]", id="the address"),
        pytest.param("start", "[default: (for ever)]", id="how long to wait"),
        pytest.param("deploy", "[default: (FILE's, up to its first dot)]", id="the name"),
    ],
)
def test_a_default_is_shown(command: str, default: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})

    assert default in result.stdout
