"""Random definitions that are valid and end: all state types, nested, with Retry and Catch."""

from random import Random
from typing import Any

Fields = dict[str, Any]

DEPTH_MAX = 3
RESOURCES = ["alpha", "beta"]
SILENT = "silent"
"""The resource that nobody works on: its tasks time out."""
ERRORS = ["E1", "E2"]


class Generator:
    """Makes definitions from one source of chance. State names are unique."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._names = 0
        self._reads_variable = False

    def definition(self) -> Fields:
        """Return a definition."""
        self._names = 0
        self._reads_variable = self._happens(0.5)
        definition = self._scope(0, "")
        if self._reads_variable:
            first = {"Type": "Pass", "Assign": {"first": "read"}, "Next": definition["StartAt"]}
            states = {"First": first, **definition["States"]}
            definition = {"StartAt": "First", "States": states}
        if self._happens(0.1):
            definition["TimeoutSeconds"] = self._chance.randint(10, 120)
        return definition

    def input(self) -> Any:
        """Return an input for any of them."""
        items = [self._chance.randint(0, 9) for _ in range(self._chance.randint(0, 5))]
        return {"n": self._chance.randint(0, 9), "xs": items, "t": "text"}

    def _happens(self, likelihood: float) -> bool:
        return self._chance.random() < likelihood

    def _scope(self, depth: int, inside: str) -> Fields:
        names = [self._name() for _ in range(self._chance.randint(1, 4 - depth))]
        states = {}
        for position, name in enumerate(names):
            states[name] = self._state(depth, inside, names[position + 1 :])
        return {"StartAt": names[0], "States": states}

    def _name(self) -> str:
        self._names += 1
        return f"S{self._names}"

    def _state(self, depth: int, inside: str, following: list[str]) -> Fields:
        if not following and self._happens(0.15):
            return self._chance.choice([{"Type": "Succeed"}, {"Type": "Fail", "Error": "E1"}])
        if following and self._happens(0.15):
            return self._choice(following)
        state = self._working_state(depth, inside, following)
        return {**state, **({"Next": following[0]} if following else {"End": True})}

    def _working_state(self, depth: int, inside: str, following: list[str]) -> Fields:
        kinds = ["task"] * 5 + ["pass", "pass", "wait"]
        if depth < DEPTH_MAX:
            kinds += ["parallel"] * 2 + ["map"] * 2
        match self._chance.choice(kinds):
            case "task":
                return {**self._task(depth), **self._handlers(following)}
            case "parallel":
                width = self._chance.randint(1, 4 - depth)
                branches = [self._scope(depth + 1, inside) for _ in range(width)]
                state = {"Type": "Parallel", "Branches": branches}
                return {**state, **self._handlers(following), **self._placed()}
            case "map":
                return {**self._map(depth), **self._handlers(following), **self._placed()}
            case "wait":
                return self._wait()
            case _:
                return self._pass(depth, inside)

    def _choice(self, following: list[str]) -> Fields:
        rules: list[Fields] = [
            {"Variable": "$$.Execution.Input.n", "NumericGreaterThan": 5},
            {"Variable": "$.n", "IsPresent": True},
            {"Not": {"Variable": "$.r", "IsPresent": True}},
        ]
        choices = [
            {**self._chance.choice(rules), "Next": self._chance.choice(following)}
            for _ in range(self._chance.randint(1, 2))
        ]
        return {"Type": "Choice", "Choices": choices, "Default": following[0]}

    def _task(self, depth: int) -> Fields:
        state: Fields = {"Type": "Task", "Resource": self._chance.choice(RESOURCES)}
        if self._happens(0.1):
            state["Resource"] = SILENT
            state["TimeoutSeconds"] = self._chance.randint(1, 20)
        elif self._happens(0.2):
            state["TimeoutSeconds"] = self._chance.randint(5, 40)
            if self._happens(0.5):
                state["HeartbeatSeconds"] = self._chance.randint(1, 4)
        if self._happens(0.3):
            state["Parameters"] = {"all.$": "$", "name.$": "$$.State.Name"}
        if self._happens(0.2):
            state["ResultSelector"] = {"picked.$": "$.o"}
        if self._happens(0.2):
            state["Assign"] = {f"v{depth}": "of a task"}
        return {**state, **self._placed()}

    def _placed(self) -> Fields:
        return {"ResultPath": "$.r"} if self._happens(0.3) else {}

    def _map(self, depth: int) -> Fields:
        state: Fields = {
            "Type": "Map",
            "ItemsPath": "$$.Execution.Input.xs",
            "ItemProcessor": self._scope(depth + 1, "map"),
        }
        if self._happens(0.5):
            state["MaxConcurrency"] = self._chance.randint(1, 3)
        if self._happens(0.2):
            state["ToleratedFailureCount"] = self._chance.randint(0, 2)
        elif self._happens(0.2):
            state["ToleratedFailurePercentage"] = self._chance.choice([0, 34, 100])
        if self._happens(0.4):
            state["ItemSelector"] = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}
        return state

    def _wait(self) -> Fields:
        if self._happens(0.3):
            return {"Type": "Wait", "SecondsPath": "$$.Execution.Input.n"}
        return {"Type": "Wait", "Seconds": self._chance.randint(0, 20)}

    def _pass(self, depth: int, inside: str) -> Fields:
        options: list[Fields] = [
            {},
            {"Result": {"n": 1}},
            {"Result": [1, 2]},
            {"OutputPath": "$.n"},
        ]
        options.append({"Parameters": {"n.$": "$$.Execution.Input.n"}, "ResultPath": "$.r"})
        if self._reads_variable:
            options.append({"Parameters": {"first.$": "$first"}})
        if inside == "map":
            options.append({"Parameters": {"item.$": "$$.Map.Item.Value"}})
        if self._happens(0.2):
            return {"Type": "Pass", "Assign": {f"v{depth}.$": "$$.State.Name"}}
        return {"Type": "Pass", **self._chance.choice(options)}

    def _handlers(self, following: list[str]) -> Fields:
        handlers: Fields = {}
        if self._happens(0.4):
            handlers["Retry"] = [self._retrier() for _ in range(self._chance.randint(1, 2))]
        if following and self._happens(0.4):
            errors = self._chance.choice([[self._chance.choice(ERRORS)], ["States.ALL"]])
            catcher: Fields = {"ErrorEquals": errors, "Next": self._chance.choice(following)}
            if self._happens(0.5):
                catcher["ResultPath"] = "$.caught"
            handlers["Catch"] = [catcher]
        return handlers

    def _retrier(self) -> Fields:
        errors = self._chance.choice([["E1"], ["E2"], ["E1", "E2"], ["States.Timeout"]])
        return {
            "ErrorEquals": errors,
            "IntervalSeconds": self._chance.randint(1, 3),
            "MaxAttempts": self._chance.randint(0, 2),
            "BackoffRate": self._chance.choice([1, 1.5, 2]),
            "JitterStrategy": self._chance.choice(["NONE", "FULL"]),
        }
