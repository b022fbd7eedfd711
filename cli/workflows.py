"""The commands about workflows: `deploy` and `validate`."""

from pathlib import Path
from typing import Annotated

import typer

from stepraft.cli import sources, validation
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import Addresses, AsJson, Namespace, connected
from stepraft.cli.output import console, print_document
from stepraft.client import InvalidRequestError, PutWorkflowResult, SyncClient

DefinitionFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="A definition, or - for standard input.", show_default=False
    ),
]


def deploy(
    file: DefinitionFile,
    name: Annotated[
        str | None,
        typer.Option(help="The workflow's name.", show_default="FILE's, up to its first dot"),
    ] = None,
    description: Annotated[
        str, typer.Option(help="What people should know about this version.")
    ] = "",
    address: Addresses = None,
    namespace: Namespace = "default",
    as_json: AsJson = False,
) -> None:
    """Make FILE the newest version of a workflow.

    A definition equal to the newest version makes no new one. Executions that run keep the version
    that they began with.
    """
    text = sources.read_text(file, "FILE")
    with connected(address, namespace) as client:
        result = _put(client, file, _workflow_name(file, name), text, description, as_json=as_json)
    if as_json:
        print_document(result)
        return
    workflow = result.workflow
    news = "deployed" if result.created else "unchanged"
    console().print(f"{workflow.name} version {workflow.version} {news}")


def validate(file: DefinitionFile, as_json: AsJson = False) -> None:
    """Say what is wrong with a definition, without a server.

    Each problem is shown in its line. The exit code is 1 if the definition could not be deployed.
    """
    text = sources.read_text(file, "FILE")
    problems = validation.problems_of(text)
    is_valid = not any(problem.is_error for problem in problems)
    if as_json:
        print_document({"valid": is_valid, "diagnostics": validation.as_documents(problems)})
    else:
        _print_problems(file, text, problems)
    if not is_valid:
        raise typer.Exit(ExitCode.FAILED)


def _workflow_name(file: str, name: str | None) -> str:
    if name is not None:
        return name
    if file == sources.STDIN:
        raise CommandError("--name: needed when FILE is -", code=ExitCode.USAGE)
    stem, _, _ = Path(file).name.partition(".")
    return stem


def _put(
    client: SyncClient, file: str, name: str, text: str, description: str, *, as_json: bool
) -> PutWorkflowResult:
    """Put the definition; where it is refused, show the problems in its lines first."""
    try:
        return client.put_workflow(name, text, description=description)
    except InvalidRequestError as error:
        if error.reason != "INVALID_DEFINITION" or as_json:
            raise
        told = [(violation.field, violation.rule) for violation in error.violations]
        _print_problems(file, text, validation.problems_told(text, told))
        raise typer.Exit(ExitCode.FAILED) from error


def _print_problems(file: str, text: str, problems: list[validation.Problem]) -> None:
    screen = console()
    if not problems:
        screen.print(f"{file} is valid", markup=False)
        return
    screen.print(validation.shown(file, text, problems))
    errors = sum(problem.is_error for problem in problems)
    screen.print(f"{errors} of {len(problems)} problems keep it from being deployed")
