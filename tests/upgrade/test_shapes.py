"""What is released keeps its shape; what is new belongs to a feature level."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from stepraft.interpreter.features import RELEASED, SUPPORTED
from tests.upgrade.frozen import problems
from tests.upgrade.kept import kept_shapes
from tests.upgrade.shapes import Shape, Shapes, shapes


def test_the_shapes_of_this_program_are_those_of_its_feature_level() -> None:
    found = problems(kept_shapes(), shapes(), supported=SUPPORTED, released=RELEASED)

    assert not found, "\n".join(found)


TASK = Shape(["task_id: str", "delivery: int = 0"])
GROWN = [*TASK.fields, "worker: str = ''"]
VOTE = Shape(["term: int"], tag=3)
OLD = Shapes(
    records={"Task": TASK},
    growing={"Vote": VOTE},
    unions={"Event": ["Task"], "Message": ["Vote"]},
    enums={"Status": {"READY": "'READY'"}},
)


def with_record(*fields: str, tag: str | None = None) -> Shapes:
    return replace(OLD, records={"Task": Shape(list(fields), tag)})


def with_vote(*fields: str, tag: int = 3) -> Shapes:
    return replace(OLD, growing={"Vote": Shape(list(fields), tag)})


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(OLD, [], id="nothing"),
        pytest.param(
            with_record(*GROWN),
            [f"Task: released at level 1 with the fields {TASK.fields}, and now has {GROWN}. "],
            id="a field more with a default",
        ),
        pytest.param(with_record(TASK.fields[0]), ["Task: released"], id="a field fewer"),
        pytest.param(with_record(*TASK.fields[::-1]), ["Task: released"], id="another order"),
        pytest.param(
            with_record("task_id: str", "delivery: int = 1"), ["Task: "], id="another default"
        ),
        pytest.param(with_record("task_id: bytes", TASK.fields[1]), ["Task: "], id="another type"),
        pytest.param(
            with_record(*TASK.fields, tag="Job"),
            ["Task: released at level 1 with the tag None, and now has 'Job'. "],
            id="another tag",
        ),
        pytest.param(
            replace(OLD, records={}), ["Task: released at level 1, and gone. "], id="a record gone"
        ),
        pytest.param(
            replace(OLD, unions={"Event": [], "Message": ["Vote"]}),
            ["Event: released at level 1 with Task, which is gone. "],
            id="a record gone from its union",
        ),
        pytest.param(
            replace(OLD, enums={"Status": {"READY": "'READY'", "LOST": "'LOST'"}}),
            ["Status.LOST: level 1 is released without it. "],
            id="a value more",
        ),
        pytest.param(
            replace(OLD, enums={"Status": {"READY": "'ready'"}}),
            ["Status.READY: released at level 1 as 'READY'. "],
            id="another value",
        ),
        pytest.param(
            replace(OLD, records={"Task": TASK, "Job": TASK}),
            ["Job: level 1 is released without it. Give it to level 2"],
            id="a record more",
        ),
        pytest.param(
            replace(OLD, unions={"Event": ["Task", "Job"], "Message": ["Vote"]}),
            ["Event Job: level 1 is released without it. "],
            id="a record more in a union",
        ),
        pytest.param(with_vote("term: int", "age: int = 0"), [], id="a message that grew"),
        pytest.param(
            with_vote("term: int", "age: int"), ["Vote: "], id="a message that grew a duty"
        ),
        pytest.param(with_vote("age: int = 0", "term: int"), ["Vote: "], id="grown in front"),
        pytest.param(with_vote("term: int", tag=4), ["Vote: "], id="a message's other tag"),
        pytest.param(replace(OLD, growing={}), ["Vote: "], id="a message gone"),
        pytest.param(
            replace(
                OLD,
                growing={"Vote": VOTE, "Call": VOTE},
                unions={"Event": ["Task"], "Message": ["Vote", "Call"]},
            ),
            [],
            id="a message more",
        ),
    ],
)
def test_a_developer_is_told_what_a_released_level_does_not_allow(
    now: Shapes, told: list[str]
) -> None:
    found = problems({1: OLD}, now, supported=1, released=1)

    assert [text[: len(start)] for text, start in zip(found, told, strict=True)] == told


@pytest.mark.parametrize(
    ("golden", "now", "told"),
    [
        pytest.param({1: OLD, 2: OLD}, OLD, [], id="as it was kept"),
        pytest.param(
            {1: OLD, 2: OLD},
            replace(OLD, records={"Task": TASK, "Job": TASK}),
            ["level 2 is not as it was kept, and not released: run 'make golden'"],
            id="another than was kept",
        ),
        pytest.param(
            {1: OLD},
            OLD,
            ["level 2 is not as it was kept, and not released: run 'make golden'"],
            id="not kept yet",
        ),
        pytest.param(
            {1: OLD, 2: OLD},
            with_record(*TASK.fields, "worker: str = ''"),
            ["Task: released at level 1"],
            id="a released record changed",
        ),
    ],
)
def test_a_level_that_is_not_released_may_change_and_those_before_it_may_not(
    golden: Mapping[int, Shapes], now: Shapes, told: list[str]
) -> None:
    found = problems(golden, now, supported=2, released=1)

    assert [text[: len(start)] for text, start in zip(found, told, strict=True)] == told


def test_the_shapes_hold_every_event_with_its_fields() -> None:
    found = shapes()

    assert found.records["FeatureLevelRaised"] == Shape(["level: int"], "FeatureLevelRaised")
    assert found.records["Group"].fields == [
        "stamp: int",
        "cause: str",
        "follows: int = 0",
        "events: tuple[Event, ...] = ()",
        "sequences: tuple[int, ...] = ()",
        "next: tuple[PendingCommand, ...] = ()",
    ]
    assert found.records.keys() >= {*found.unions["Event"], *found.unions["Command"]}
    assert found.growing.keys() >= {*found.unions["Message"]}
    assert found.enums["TaskStatus"] == {"READY": "'READY'", "ACTIVE": "'ACTIVE'"}
