from netpol_harness.emulator.agent.program import AgentProgram

PROGRAM = AgentProgram(
    "a", "v1.2", ("/bin/agent", "--node={node}", "--at={address}:{node}"), {"KUBECONFIG": "{kubeconfig}"}, "cali"
)


def test_a_program_survives_its_data() -> None:
    assert AgentProgram.parse(PROGRAM.to_data()) == PROGRAM


def test_placeholders_are_filled_in_arguments_and_environment() -> None:
    filled = PROGRAM.filled({"node": "n", "address": "192.0.2.1", "kubeconfig": "/k"})
    assert filled.argv == ("/bin/agent", "--node=n", "--at=192.0.2.1:n")
    assert filled.environment == {"KUBECONFIG": "/k"}


def test_the_title_has_the_version_if_it_is_known() -> None:
    assert PROGRAM.title == "a v1.2"
    assert AgentProgram("a", "", ("/bin/agent",)).title == "a"
