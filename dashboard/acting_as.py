"""Who acts on the queue pages: a name and a role chosen in the sidebar, which every action's record shows."""

import streamlit as st

from billing.principals import ROLES, Principal

NAME, ROLE = "acting_name", "acting_role"
DEFAULT = Principal("support", "support")
HELP = (
    "Limits and second approvals depend on the role. The name and the role stand beside each action in the audit log."
)


def acting_as() -> Principal:
    """Draw the choice into the sidebar and return it; the same on every page of a session."""
    with st.sidebar:
        name = st.text_input("Acting as", DEFAULT.name, key=NAME, max_chars=60, help=HELP, persist_state="session")
        role = st.selectbox(
            "Role",
            ROLES,
            index=ROLES.index(DEFAULT.role),
            key=ROLE,
            format_func=str.capitalize,
            persist_state="session",
        )
    return Principal(" ".join(name.split()) or DEFAULT.name, role)
