"""The commands about executions, against a real node."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

pytestmark = pytest.mark.system

UNKNOWN = "/default/default/e0000000/0000000000000000"


def test_start_prints_the_id_alone(run: Callable[..., Any]) -> None:
    result = run("start", "hello")

    assert result.exit_code == 0
    assert run("get", result.stdout.strip()).exit_code == 0


def test_start_in_the_machine_form_tells_what_a_client_is_told(run: Callable[..., Any]) -> None:
    document = json.loads(run("start", "hello", "--json").stdout)

    assert set(document) == {"execution_id", "started_at", "existing"}
    assert document["existing"] is False


@pytest.mark.parametrize(
    ("workflow", "code", "status"),
    [
        pytest.param("hello", 0, "SUCCEEDED", id="it succeeded"),
        pytest.param("refuse", 6, "FAILED", id="it failed"),
        pytest.param("late", 8, "TIMED_OUT", id="it ran out of time"),
    ],
)
@pytest.mark.parametrize("how", ["--wait", "--watch"])
def test_the_exit_code_says_how_the_execution_ended(
    run: Callable[..., Any], workflow: str, code: int, status: str, how: str
) -> None:
    result = run("start", workflow, how)

    assert result.exit_code == code
    assert status in result.stdout


def test_an_execution_that_is_canceled_ends_the_watch_with_its_own_code(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    execution_id = started("hold")

    canceled = run("cancel", execution_id, "--error", "Order.Withdrawn", "--cause", "no more")

    assert (canceled.exit_code, canceled.stdout) == (0, f"{execution_id} CANCELED\n")
    assert run("watch", execution_id).exit_code == 7


def test_an_execution_that_does_not_end_in_time_has_a_code_of_its_own(
    run: Callable[..., Any],
) -> None:
    result = run("start", "hold", "--wait", "--timeout", "0.1", "--json")

    assert result.exit_code == 9
    assert json.loads(result.stdout)["status"] == "RUNNING"


@pytest.mark.parametrize("form", ["inline", "file", "stdin"])
def test_the_input_may_come_from_the_line_a_file_or_standard_input(
    run: Callable[..., Any], tmp_path: Path, form: str
) -> None:
    text = '{"name": "Grace", "ratio": 1.50}'
    file = tmp_path / "input.json"
    file.write_text(text)
    value = {"inline": text, "file": f"@{file}", "stdin": "-"}[form]

    result = run("start", "hello", "--input", value, "--wait", "--json", stdin=text)

    assert json.loads(result.stdout)["output"] == {"name": "Grace", "ratio": 1.5}


def test_an_input_that_no_node_reads_is_too_large(run: Callable[..., Any]) -> None:
    result = run("start", "hello", "--input", "-", stdin=f'"{"x" * 5_000_000}"')

    assert result.exit_code == 1
    assert "the node takes at most 4,194,304 (PAYLOAD_TOO_LARGE)" in result.stderr


def test_starting_again_with_the_same_key_starts_nothing_new(run: Callable[..., Any]) -> None:
    command = ["start", "hello", "--idempotency-key", "again", "--json"]

    first, second = (json.loads(run(*command).stdout) for _ in range(2))

    assert second == first | {"existing": True}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["start", "nobody"], 3, "WORKFLOW_NOT_FOUND", id="no such workflow"),
        pytest.param(["get", UNKNOWN], 3, "EXECUTION_NOT_FOUND", id="no such execution"),
        pytest.param(["watch", UNKNOWN], 3, "EXECUTION_NOT_FOUND", id="nothing to watch"),
        pytest.param(["history", UNKNOWN], 3, "EXECUTION_NOT_FOUND", id="no such history"),
        pytest.param(["cancel", UNKNOWN], 3, "EXECUTION_NOT_FOUND", id="nothing to cancel"),
        pytest.param(["get", "what?"], 1, "execution_id", id="no id at all"),
        pytest.param(["start", "hello", "-i", "{"], 1, "--input: not JSON", id="input: no JSON"),
        pytest.param(["start", "hello", "-i", "NaN"], 1, "NaN", id="input: not a number"),
        pytest.param(
            ["start", "hello", "-i", '{"a": 1, "a": 2}'], 1, "DUPLICATE_KEY", id="input: key twice"
        ),
        pytest.param(
            ["start", "hello", "-i", "[" * 200 + "]" * 200], 1, "TOO_DEEP", id="input: too deep"
        ),
        pytest.param(["start", "hello", "-i", "@nowhere"], 3, "no file", id="input: no file"),
        pytest.param(["start", "hello", "--name", "a b"], 1, "INVALID_NAME", id="a bad name"),
        pytest.param(["start", "hello", "--wait", "--watch"], 2, "choose one", id="two ways"),
        pytest.param(["start", "hello", "--timeout", "1"], 2, "only --wait", id="a time, no wait"),
        pytest.param(
            ["start", "hello", "--watch", "--timeout", "1"], 2, "only --wait", id="a timed watch"
        ),
        pytest.param(["list", "--status", "bogus"], 2, "bogus", id="no such status"),
        pytest.param(["list", "-n", "no/such"], 1, "namespace", id="a bad namespace"),
    ],
)
def test_a_mistake_is_answered_by_a_line_and_a_code(
    run: Callable[..., Any], arguments: list[str], code: int, said: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_what_has_ended_cannot_be_canceled(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    result = run("cancel", started("hello"))

    assert result.exit_code == 5
    assert "EXECUTION_ENDED" in result.stderr


def test_get_shows_how_it_stands(run: Callable[..., Any], started: Callable[[str], str]) -> None:
    execution_id = started("refuse")

    document = json.loads(run("get", execution_id, "--json").stdout)

    times = {key: document[key] for key in ("started_at", "stopped_at")}
    assert document == times | {
        "execution_id": execution_id,
        "namespace": "default",
        "workflow": "refuse",
        "version": 1,
        "name": "",
        "status": "FAILED",
        "input": {},
        "output": None,
        "error": "Shop.Closed",
        "cause": "come back later",
    }
    assert all(time.endswith("Z") for time in times.values())


def test_list_gives_the_newest_first_as_many_as_asked_for(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    ids = [started("hello") for _ in range(3)]

    document = json.loads(run("list", "--workflow", "hello", "--limit", "2", "--json").stdout)

    assert [each["execution_id"] for each in document["executions"]] == [ids[2], ids[1]]


def test_list_shows_those_of_one_status_alone(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    failed, _ = started("refuse"), started("hello")

    rows = run("list", "--status", "failed", "--limit", "1").stdout.splitlines()

    assert rows[0].split()[:2] == ["EXECUTION", "WORKFLOW"]
    assert rows[1].split()[:3] == [failed, "refuse:1", "FAILED"]
    assert len(rows) == 2


def test_list_gives_an_id_that_can_be_copied_on_80_characters(
    run: Callable[..., Any], started: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = started("hello")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")

    text = run("list", "--workflow", "hello", "--limit", "1").stdout

    lines = Text.from_ansi(text).plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["EXECUTION", "STATUS", "STARTED", "TOOK"]
    assert lines[1].split()[:2] == [execution_id, "SUCCEEDED"]
    assert lines[2].split()[0] == "hello:1"


@pytest.mark.parametrize("command", ["get", "history", "watch"])
def test_a_read_may_be_stale(
    run: Callable[..., Any], started: Callable[[str], str], command: str
) -> None:
    execution_id = started("hello")

    assert run(command, execution_id, "--stale").stdout == run(command, execution_id).stdout


def test_a_list_may_be_stale(run: Callable[..., Any], started: Callable[[str], str]) -> None:
    execution_id = started("hello")

    document = json.loads(run("list", "--limit", "1", "--stale", "--json").stdout)

    assert [each["execution_id"] for each in document["executions"]] == [execution_id]


def test_history_is_a_tree_a_table_or_a_document(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    execution_id = started("hello")
    types = ["ExecutionStarted", "StateStarted", "StateCompleted", "ExecutionCompleted"]

    tree = run("history", execution_id).stdout.splitlines()
    table = run("history", execution_id, "--table").stdout.splitlines()
    document = json.loads(run("history", execution_id, "--json").stdout)

    assert [line.split()[:3] for line in tree] == [
        ["✓", "execution", "succeeded"],
        ["└─", "✓", "Hello"],
    ]
    assert [line.split()[3] for line in table[1:]] == types
    assert [event["type"] for event in document["events"]] == types


def test_watch_in_the_machine_form_is_one_event_a_line(
    run: Callable[..., Any], started: Callable[[str], str]
) -> None:
    lines = run("watch", started("hello"), "--json").stdout.splitlines()

    events = [json.loads(line) for line in lines]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert events[-1]["status"] == "SUCCEEDED"


def test_without_a_node_the_exit_code_says_so(run: Callable[..., Any]) -> None:
    result = run("get", UNKNOWN, "--address", "127.0.0.1:1")

    assert result.exit_code == 4
    assert "no node could be reached" in result.stderr


def test_an_address_that_is_none_is_a_wrong_use(run: Callable[..., Any]) -> None:
    result = run("get", UNKNOWN, "--address", "nowhere")

    assert result.exit_code == 2
    assert "'nowhere'" in result.stderr


def test_several_addresses_are_tried_in_turn(run: Callable[..., Any], address: str) -> None:
    assert run("start", "hello", "--address", f"127.0.0.1:1,{address}").exit_code == 0
    assert run("start", "hello", "-a", "127.0.0.1:1", "-a", address).exit_code == 0
