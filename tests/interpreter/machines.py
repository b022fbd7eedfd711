"""State machines in few words."""

from typing import Any

State = dict[str, Any]
_WITHOUT_NEXT = ("Succeed", "Fail", "Choice")


def scope(**states: State) -> dict[str, Any]:
    """A States object with its StartAt: the first state. A state that says nothing of Next or End
    goes on to the following one, the last one ends.
    """
    names = list(states)
    linked = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        state = states[name]
        if state["Type"] not in _WITHOUT_NEXT and "Next" not in state and "End" not in state:
            state = {**state, "End": True} if following is None else {**state, "Next": following}
        linked[name] = state
    return {"StartAt": names[0], "States": linked}


def task(resource: str, **fields: Any) -> State:
    """A Task state."""
    return {"Type": "Task", "Resource": resource, **fields}


def pass_(**fields: Any) -> State:
    """A Pass state."""
    return {"Type": "Pass", **fields}


def fail(error: str, cause: str | None = None) -> State:
    """A Fail state."""
    return {"Type": "Fail", "Error": error, **({} if cause is None else {"Cause": cause})}


def wait(**fields: Any) -> State:
    """A Wait state."""
    return {"Type": "Wait", **fields}


def parallel(*branches: dict[str, Any], **fields: Any) -> State:
    """A Parallel state."""
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def map_(processor: dict[str, Any], **fields: Any) -> State:
    """A Map state."""
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def retrier(*errors: str, **fields: Any) -> dict[str, Any]:
    """One entry of Retry."""
    return {"ErrorEquals": list(errors), **fields}


def catcher(next_state: str, *errors: str, **fields: Any) -> dict[str, Any]:
    """One entry of Catch."""
    return {"ErrorEquals": list(errors), "Next": next_state, **fields}
