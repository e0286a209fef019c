"""The oracle beside the cells that Cyclonus prints: equal, different, unresolved, and left out."""

from collections.abc import Sequence

from bench.peers.cyclonus_agreement import agreement

PODS = [f"{namespace}/{pod}" for namespace in "xyz" for pod in "abc"]
RESOURCES = [f"| x | ns: x | a | pod: a | pod: 10.244.0.{number} | port |" for number in range(2, 11)]
POLICY = """\
Results for network policies:
Network policy:

apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  creationTimestamp: null
  name: base
  namespace: x
spec:
{spec}
  podSelector:
    matchLabels:
      pod: a
  policyTypes:
  - {direction}
""".splitlines()
INGRESS = (
    "  ingress:\n  - from:\n    - podSelector:\n        matchLabels: {pod: b}\n    ports:\n    - port: serve-80-tcp"
)
CLOSED = {("x/b", "x/a"): ". X X X"}


def policy(spec: str, direction: str) -> Sequence[str]:
    return "\n".join(POLICY).format(spec=spec, direction=direction).splitlines()


def table(rows: dict[str, str], cells: dict[tuple[str, str], str]) -> Sequence[str]:
    """A table as Cyclonus draws it; a row is all ``.`` or ``X`` but for some cells."""
    head = ["+---+", f"| TCP/80 | {' | '.join(pod.upper() for pod in PODS)} |"]
    head += [f"| {port} | {' | '.join(' ' for _ in PODS)} |" for port in ("TCP/81", "UDP/80", "UDP/81")]
    body = []
    for source in PODS:
        marks = [cells.get((source, target), rows.get(target, ". . . .")) for target in PODS]
        body += [f"| {source} | {' | '.join(marks)} |", "+---+"]
    return [*head, *body]


def case(name: str, *lines: str) -> Sequence[str]:
    return [f"evaluating test case: {name}", "step 1 on all available ports/protocols:", *lines, "finished policy #1"]


def observed(cells: dict[tuple[str, str], str]) -> Sequence[str]:
    itself = {("x/a", "x/a"): ". . . ."}
    return ["0 wrong, 0 ignored, 81 correct", *table({"x/a": "X X X X"}, itself | cells), ""]


def test_the_oracle_reads_the_policies_that_were_printed() -> None:
    result = agreement([*RESOURCES, *case("a", *policy(INGRESS, "Ingress"), "", *observed(CLOSED))])
    assert (result.cells, result.equal, result.different, result.steps) == (324, 324, (), 1)
    assert str(result) == "324 of 324 cells of 1 steps are as the oracle says."


def test_a_cell_that_differs_is_named() -> None:
    result = agreement([*RESOURCES, *case("a", *policy(INGRESS, "Ingress"), "", *observed({}))])
    assert result.different == ("a: x/b -> x/a 80/TCP",)
    assert "323 of 324" in str(result)


def test_the_last_try_counts() -> None:
    lines = ["Discrepancy found:1 wrong, 0 ignored, 80 correct", "Expected ingress:", *table({}, {})]
    lines += ["kube results, try 0:", *table({}, {}), "kube results, try 1:", *observed(CLOSED)[1:]]
    lines += ["", "Actual vs expected (last round):", "|  | X/A |", "| x/a | X |"]
    assert agreement([*RESOURCES, *case("a", *policy(INGRESS, "Ingress"), "", *lines)]).equal == 324


def test_a_client_that_cannot_reach_the_name_server_reaches_nobody() -> None:
    cells = {("x/a", target): "X X X X" for target in PODS}
    lines = ["0 wrong, 0 ignored, 81 correct", *table({}, cells)]
    assert agreement([*RESOURCES, *case("a", *policy("  egress: []", "Egress"), "", *lines)]).equal == 324


def test_an_address_block_with_a_pod_in_it_is_left_to_implementations() -> None:
    block = INGRESS.replace("podSelector:\n        matchLabels: {pod: b}", "ipBlock:\n        cidr: 10.244.0.3/32")
    result = agreement([*RESOURCES, *case("a", *policy(block, "Ingress"), "", *observed(CLOSED))])
    assert (result.equal, result.undefined) == (323, 1)
    assert "1 are left to implementations" in str(result)


def test_steps_that_change_pods_are_left_out() -> None:
    result = agreement([*RESOURCES, *case("Update pod so that policy applies", *observed({}))])
    assert (result.cells, result.left_out) == (0, 1)
