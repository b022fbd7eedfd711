"""What a leader concludes from a follower's answers."""

from stepraft.server.raft.progress import Progress


def replicating() -> Progress:
    """Sure of 10, with 11 to 30 on the way in two messages."""
    progress = Progress(next_index=11, match_index=5)
    progress.on_appended(10)
    progress.on_sent(20, 100)
    progress.on_sent(30, 50)
    return progress


def test_a_probe_goes_out_alone() -> None:
    progress = Progress(next_index=11, match_index=5)
    progress.on_sent(20, 100)

    assert not progress.may_send(64, 1000)
    assert (progress.next_index, progress.in_flight_bytes) == (11, 0)


def test_answers_free_the_window() -> None:
    progress = replicating()
    assert not progress.may_send(2, 1000)
    assert not progress.may_send(64, 150)

    progress.on_appended(20)

    assert progress.may_send(2, 1000)
    assert (progress.match_index, progress.next_index, progress.in_flight_bytes) == (20, 31, 50)


def test_a_late_answer_takes_nothing_back() -> None:
    progress = replicating()
    progress.on_appended(30)
    progress.on_appended(20)

    assert (progress.match_index, progress.next_index) == (30, 31)


def test_a_rejection_goes_back_to_the_hint_but_not_behind_the_match() -> None:
    progress = replicating()
    progress.on_mismatch(rejected_index=20, hint_index=7)

    assert (progress.next_index, progress.is_probing) == (11, True)


def test_the_second_of_two_rejections_is_ignored() -> None:
    progress = Progress(next_index=41, match_index=5)
    progress.on_mismatch(rejected_index=40, hint_index=20)
    progress.on_sent(25, 10)
    progress.on_mismatch(rejected_index=40, hint_index=20)

    assert (progress.next_index, progress.has_probe_out) == (20, True)


def test_a_new_connection_starts_from_what_is_sure() -> None:
    progress = replicating()
    progress.on_link_changed()

    assert (progress.next_index, progress.is_probing, progress.in_flight_bytes) == (11, True, 0)


def test_who_lacks_what_it_had_is_served_from_where_it_ends() -> None:
    progress = replicating()
    progress.on_link_changed()
    progress.on_mismatch(rejected_index=10, hint_index=2)

    assert (progress.match_index, progress.next_index) == (1, 2)


def test_who_lost_its_folder_has_nothing_until_it_says_so() -> None:
    progress = replicating()
    progress.on_life(7)
    assert progress.match_index == 0

    progress.readmit_index = 40
    progress.on_appended(20)
    progress.on_life(7)
    assert (progress.match_index, progress.readmit_index) == (20, 40)

    progress.on_life(8)
    assert (progress.match_index, progress.readmit_index) == (0, 0)


def test_who_is_readmitted_keeps_what_it_has() -> None:
    progress = replicating()
    progress.on_life(7)
    progress.on_appended(20)
    progress.on_life(0)

    assert (progress.match_index, progress.abstaining) == (20, 0)
