"""Read who gets into a device out of configurations that want to be trouble."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from exitkit.knowledge.network_access import LONGEST_NAME, MOST_WAYS_IN, ways_in
from exitkit.knowledge.network_platforms import all_platforms, platform_of


def names(platform: str, text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(way.type, way.name, way.permissions) for way in ways_in(platform_of(platform), text)]


def test_a_user_written_in_several_lines_is_one_with_all_its_rights() -> None:
    text = "username ops privilege 15 secret 9 <masked:0>\nusername ops view NOC\nusername web\n"
    assert names("cisco_ios", text) == [
        ("device-user", "ops", ("privilege 15", "view NOC")),
        ("device-user", "web", ("privilege 1",)),
    ]


def test_a_user_that_is_taken_away_or_described_is_none() -> None:
    text = "no username ops\ninterface Gi0\n description username eve privilege 15\n"
    assert names("cisco_ios", text) == []


def test_a_line_counts_only_in_its_own_section() -> None:
    text = (
        "tacacs server A\n address ipv4 10.0.0.49\ninterface Gi0\n address ipv4 10.9.9.9\n"
        "crypto map OUT 10 ipsec-isakmp\n set peer 192.0.2.61\nroute-map X\n set peer 192.0.2.9\n"
    )
    assert {name for _, name, _ in names("cisco_ios", text)} == {"10.0.0.49", "192.0.2.61"}


def test_a_masked_or_endless_name_is_nobody() -> None:
    text = f"username <masked:12ab> secret\nusername {'x' * (LONGEST_NAME + 1)} secret\n"
    assert names("cisco_ios", text) == []


def test_a_configuration_of_users_alone_ends_at_the_limit() -> None:
    text = "\n".join(f"username u{number} privilege 1" for number in range(MOST_WAYS_IN + 50))
    assert len(names("cisco_ios", text)) <= MOST_WAYS_IN + 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["username a", "local-user b", "user ", "system", " > ", "\n", "\n ", "{", "}", '"',
             "<", "config system admin", "edit", "set system login user c class d", "\x00",
             "/ppp secret add name=e", "peer", "address 1.2.3.4"]
        ),
        max_size=30,
    ),
    st.sampled_from(sorted(all_platforms())),
)  # fmt: skip
def test_no_configuration_is_a_fault(pieces: list[str], platform: str) -> None:
    for way in ways_in(platform_of(platform), "".join(pieces)):
        assert way.name
        assert way.permissions
