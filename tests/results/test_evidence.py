from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import ProbeMode
from netpol_harness.results.evidence import Attempt, Evidence, Identity, Judgement, Reply, judge_evidence
from netpol_harness.results.proof import Proof

OPEN, DROPPED, REFUSED, LOST, UNRESOLVED = (
    Reply(Outcome.CONNECTED),
    Reply(Outcome.TIMED_OUT),
    Reply(Outcome.REFUSED),
    Reply(Outcome.PROBE_FAILED),
    Reply(Outcome.NAME_FAILED),
)
WRONG_NAME = Reply(Outcome.NAME_WRONG)
UNREACHABLE = Reply(Outcome.UNREACHABLE)


def evidence(verdict: str, *attempts: tuple[Reply, Reply | None]) -> Evidence:
    return Evidence(
        Expected(verdict), tuple(Attempt(float(i), reply, liveness) for i, (reply, liveness) in enumerate(attempts))
    )


@pytest.mark.parametrize(
    ("verdict", "attempts", "judgement"),
    [
        ("allowed", [(OPEN, None)], "agrees"),
        ("allowed", [(DROPPED, OPEN), (OPEN, OPEN)], "agrees"),
        ("allowed", [(DROPPED, OPEN)], "disagrees"),
        ("allowed", [(OPEN, None), (DROPPED, OPEN)], "flapping"),
        ("blocked", [(DROPPED, OPEN)], "agrees"),
        ("blocked", [(OPEN, OPEN), (REFUSED, OPEN)], "agrees"),
        ("blocked", [(DROPPED, OPEN), (OPEN, OPEN), (DROPPED, OPEN)], "flapping"),
        ("blocked", [(DROPPED, OPEN), (LOST, OPEN), (DROPPED, OPEN)], "agrees"),
        ("allowed", [(OPEN, OPEN), (DROPPED, LOST), (OPEN, OPEN)], "agrees"),
        ("allowed", [(OPEN, OPEN), (DROPPED, OPEN), (OPEN, OPEN)], "unproven"),
        ("allowed", [(OPEN, OPEN), *[(DROPPED, OPEN), (OPEN, OPEN)] * 2], "unproven"),
        ("allowed", [(OPEN, OPEN), (DROPPED, OPEN), (OPEN, OPEN), (DROPPED, OPEN)], "flapping"),
        ("allowed", [(OPEN, OPEN), (DROPPED, OPEN), (DROPPED, OPEN), (OPEN, OPEN)], "flapping"),
        ("allowed", [(OPEN, OPEN), (REFUSED, OPEN), (OPEN, OPEN)], "flapping"),
        ("blocked", [(WRONG_NAME, OPEN)], "broken"),
        ("allowed", [(OPEN, OPEN), (WRONG_NAME, OPEN)], "broken"),
        ("undefined", [(WRONG_NAME, OPEN)], "broken"),
        ("allowed", [(WRONG_NAME, OPEN), (OPEN, OPEN)], "agrees"),
        ("blocked", [(DROPPED, None)], "unproven"),
        ("blocked", [(REFUSED, REFUSED)], "unproven"),
        ("blocked", [(DROPPED, LOST)], "unproven"),
        ("blocked", [(DROPPED, OPEN), (DROPPED, REFUSED)], "unproven"),
        ("blocked", [(LOST, OPEN)], "broken"),
        ("allowed", [(LOST, OPEN)], "broken"),
        ("allowed", [(DROPPED, None)], "disagrees"),
        ("allowed", [(DROPPED, LOST)], "disagrees"),
        ("allowed", [(DROPPED, DROPPED)], "unproven"),
        ("allowed", [(REFUSED, REFUSED)], "unproven"),
        ("allowed", [(OPEN, OPEN), (REFUSED, REFUSED)], "unproven"),
        ("allowed", [(OPEN, OPEN), (REFUSED, REFUSED), (OPEN, OPEN)], "agrees"),  # the listener was restarted
        ("allowed", [(UNRESOLVED, REFUSED)], "disagrees"),
        ("undefined", [(LOST, None)], "broken"),
        ("undefined", [(DROPPED, None), (OPEN, None), (REFUSED, None)], "agrees"),
        ("dropped", [(REFUSED, OPEN)], "disagrees"),
        ("rejected", [(REFUSED, OPEN)], "agrees"),
    ],
)
def test_judgement(verdict: str, attempts: list[tuple[Reply, Reply | None]], judgement: str) -> None:
    assert judge_evidence(evidence(verdict, *attempts)) == judgement


def test_settle_time_is_the_start_of_the_closing_run_of_matches() -> None:
    seen = evidence("blocked", (DROPPED, OPEN), (OPEN, OPEN), (DROPPED, OPEN), (DROPPED, OPEN))
    assert seen.settled_after == 2.0
    assert evidence("blocked", (DROPPED, OPEN), (OPEN, OPEN)).settled_after is None


replies = st.sampled_from([Reply(o) for o in Outcome])


@given(st.sampled_from(Expected), st.lists(st.tuples(replies, st.none() | replies), min_size=1, max_size=5))
def test_nothing_agrees_without_an_observation_that_satisfies_and_its_proof(
    verdict: Expected, attempts: list[tuple[Reply, Reply | None]]
) -> None:
    last, liveness = attempts[-1]
    if judge_evidence(evidence(verdict, *attempts)) is Judgement.AGREES:
        assert verdict.admits(last.outcome)
        assert last.outcome is not Outcome.PROBE_FAILED
        assert not verdict.needs_proof or (liveness is not None and liveness.outcome is Outcome.CONNECTED)


@pytest.mark.parametrize(
    ("mode", "verdict", "attempts", "judgement"),
    [
        ("throughout", "allowed", [(OPEN, OPEN)] * 3, "agrees"),
        ("throughout", "allowed", [(OPEN, OPEN), (DROPPED, OPEN), (OPEN, OPEN)], "disagrees"),
        ("throughout", "allowed", [(OPEN, OPEN), (DROPPED, LOST), (OPEN, OPEN)], "agrees"),
        ("throughout", "blocked", [(OPEN, OPEN), (DROPPED, OPEN), (DROPPED, OPEN)], "disagrees"),
        ("throughout", "blocked", [(DROPPED, OPEN), (LOST, OPEN), (DROPPED, OPEN)], "agrees"),
        (
            "throughout",
            "blocked",
            [(DROPPED, OPEN), (LOST, OPEN), (LOST, OPEN), (DROPPED, OPEN), (LOST, OPEN)],
            "broken",
        ),
        ("throughout", "blocked", [(LOST, OPEN), (LOST, OPEN), (DROPPED, OPEN)], "broken"),
        ("throughout", "blocked", [(DROPPED, OPEN), (DROPPED, LOST)], "unproven"),
        ("throughout", "dropped", [(DROPPED, OPEN), (REFUSED, OPEN), (DROPPED, OPEN)], "disagrees"),
        ("throughout", "undefined", [(DROPPED, OPEN), (OPEN, OPEN)], "agrees"),
        ("first", "blocked", [(OPEN, OPEN), (DROPPED, OPEN)], "disagrees"),
        ("first", "blocked", [(DROPPED, OPEN), (DROPPED, OPEN)], "agrees"),
        ("first", "blocked", [(LOST, OPEN), (DROPPED, OPEN)], "broken"),
        ("first", "blocked", [(DROPPED, LOST), (DROPPED, OPEN)], "agrees"),
        ("first", "allowed", [(DROPPED, OPEN), (OPEN, OPEN)], "agrees"),
        ("first", "allowed", [(OPEN, OPEN), (DROPPED, OPEN), (OPEN, OPEN)], "agrees"),
        ("first", "allowed", [(OPEN, OPEN), (DROPPED, OPEN)], "disagrees"),
        ("held", "blocked", [(OPEN, OPEN), (DROPPED, OPEN)], "agrees"),
        ("held", "allowed", [(OPEN, OPEN), (REFUSED, OPEN)], "flapping"),
    ],
)
def test_judgement_where_more_than_the_last_answer_counts(
    mode: str, verdict: str, attempts: list[tuple[Reply, Reply | None]], judgement: str
) -> None:
    assert judge_evidence(replace(evidence(verdict, *attempts), mode=ProbeMode(mode))) == judgement


@pytest.mark.parametrize("mode", ["", "held", "throughout"])
@pytest.mark.parametrize("denial", [DROPPED, REFUSED])
def test_a_dead_listener_is_never_the_networks_word(mode: str, denial: Reply) -> None:
    for attempts in ([(denial, REFUSED)], [(OPEN, OPEN), (denial, DROPPED)], [(denial, REFUSED)] * 2 + [(OPEN, OPEN)]):
        found = judge_evidence(replace(evidence("allowed", *attempts), mode=ProbeMode(mode)))
        revived = attempts[-1][0] is OPEN and mode != "throughout"
        assert found == ("agrees" if revived else "unproven")


def test_the_first_violation_is_decisive() -> None:
    seen = [(DROPPED, OPEN), (OPEN, OPEN), (DROPPED, OPEN), (OPEN, OPEN), (DROPPED, OPEN)]
    watched = replace(evidence("blocked", *seen), mode=ProbeMode.CONTINUOUS)
    assert watched.decisive.reply.outcome is Outcome.CONNECTED
    assert watched.decisive is watched.violations[0]
    assert [attempt.at for attempt in watched.violations] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("proof", "counterfactual", "judgement"),
    [
        ("lift", OPEN, "agrees"),
        ("lift", DROPPED, "unproven"),
        ("lift", LOST, "unproven"),
        ("lift", None, "unproven"),
        ("baseline", OPEN, "agrees"),
        ("baseline", None, "unproven"),
        ("listener", None, "agrees"),
    ],
)
@pytest.mark.parametrize("verdict", ["blocked", "dropped"])
def test_a_denial_rests_on_the_same_probe_having_been_open(
    verdict: str, proof: str, counterfactual: Reply | None, judgement: str
) -> None:
    seen = Attempt(1.0, counterfactual) if counterfactual else None
    proven = replace(evidence(verdict, (DROPPED, OPEN)), proof=Proof(proof), counterfactual=seen)
    assert judge_evidence(proven) == judgement


@pytest.mark.parametrize(
    ("proof", "counterfactual", "judgement"),
    [
        ("lift", OPEN, "agrees"),
        ("lift", DROPPED, "unproven"),
        ("lift", None, "unproven"),
        ("baseline", OPEN, "unproven"),
        ("listener", None, "unproven"),
    ],
)
def test_a_target_that_no_pod_serves_is_alive_if_the_lift_opens_it(
    proof: str, counterfactual: Reply | None, judgement: str
) -> None:
    seen = Attempt(1.0, counterfactual) if counterfactual else None
    proven = replace(evidence("blocked", (DROPPED, None)), proof=Proof(proof), counterfactual=seen)
    assert judge_evidence(proven) == judgement
    dead = replace(evidence("blocked", (DROPPED, DROPPED)), proof=Proof(proof), counterfactual=seen)
    assert judge_evidence(dead) == "unproven"


@pytest.mark.parametrize(("counterfactual", "judgement"), [(OPEN, "disagrees"), (DROPPED, "unproven")])
def test_a_denial_that_no_policy_made_is_not_the_policies_fault(counterfactual: Reply, judgement: str) -> None:
    seen = replace(evidence("allowed", (DROPPED, OPEN)), proof=Proof.LIFT, counterfactual=Attempt(1.0, counterfactual))
    assert judge_evidence(seen) == judgement


def test_an_open_path_needs_no_counterfactual() -> None:
    assert judge_evidence(replace(evidence("allowed", (OPEN, OPEN)), proof=Proof.LIFT)) == "agrees"
    assert judge_evidence(replace(evidence("blocked", (OPEN, OPEN)), proof=Proof.LIFT)) == "disagrees"


@pytest.mark.parametrize(
    ("control", "judgement"), [(OPEN, "broken"), (DROPPED, "agrees"), (LOST, "agrees"), (None, "agrees")]
)
def test_where_an_unused_port_answers_an_open_path_shows_nothing(control: Reply | None, judgement: str) -> None:
    seen = evidence("allowed", (OPEN, OPEN))
    attempt = replace(seen.attempts[-1], negative_control=control)
    assert judge_evidence(replace(seen, attempts=(attempt,))) == judgement


@pytest.mark.parametrize(("answered", "judgement"), [("server", "agrees"), ("other", "broken"), ("", "broken")])
def test_an_open_path_leads_to_its_target(answered: str, judgement: str) -> None:
    identity = Identity(answered, frozenset({"server"}))

    def identified(seen: Evidence) -> Evidence:
        return replace(seen, attempts=(*seen.attempts[:-1], replace(seen.attempts[-1], identity=identity)))

    assert judge_evidence(identified(evidence("allowed", (OPEN, OPEN)))) == judgement
    assert judge_evidence(identified(evidence("blocked", (DROPPED, OPEN)))) == "agrees"


@pytest.mark.parametrize(("answered", "judgement"), [("server", "agrees"), ("other", "unproven"), ("", "unproven")])
def test_a_denial_is_not_proven_by_a_lift_that_opens_the_way_to_another(answered: str, judgement: str) -> None:
    lifted = Attempt(0.0, OPEN, OPEN, identity=Identity(answered, frozenset({"server"})))
    seen = replace(evidence("blocked", (DROPPED, OPEN)), proof=Proof.LIFT, counterfactual=lifted)
    assert judge_evidence(seen) == judgement


def test_a_path_that_was_open_in_the_step_and_then_is_not_has_flapped_without_a_lift() -> None:
    seen = evidence("allowed", (OPEN, OPEN), (DROPPED, OPEN))
    assert judge_evidence(replace(seen, proof=Proof.LIFT)) == "flapping"
    assert judge_evidence(replace(evidence("allowed", (DROPPED, OPEN)), proof=Proof.LIFT)) == "unproven"


@pytest.mark.parametrize(
    ("reply", "judgement"),
    [(REFUSED, "agrees"), (UNREACHABLE, "unproven"), (DROPPED, "disagrees"), (OPEN, "disagrees")],
)
def test_a_service_without_endpoints_refuses_without_further_proof(reply: Reply, judgement: str) -> None:
    idle = replace(evidence("rejected", (reply, None)), is_idle=True)
    assert judge_evidence(idle) == judgement
    assert judge_evidence(replace(idle, is_idle=False)) is not Judgement.AGREES
