from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.analysis.edits.yaml_text import yaml_lines

TEXTS = st.text(max_size=8) | st.sampled_from(("on", "No", "8080", "1e3", "10.0.0.0/8", "a.b/c", "~", "0x1f", ".5", ""))
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(DATA)
def test_what_is_written_is_read_again(data: Any) -> None:
    assert yaml.safe_load("\n".join(yaml_lines(data))) == data


def test_manifests_look_as_people_write_them() -> None:
    rule = {
        "from": [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}],
        "ports": [{"port": 80, "protocol": "UDP"}, {"port": "http"}],
    }
    assert yaml_lines([rule]) == [
        "- from:",
        "  - podSelector: {}",
        "  - namespaceSelector:",
        "      matchLabels:",
        "        kubernetes.io/metadata.name: x",
        "  ports:",
        "  - port: 80",
        "    protocol: UDP",
        "  - port: http",
    ]
