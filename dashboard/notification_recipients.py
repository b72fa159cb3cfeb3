"""The daily email on the page Notifications: to whom it goes, at which hour of which zone, and from which amount on."""

import zoneinfo
from collections.abc import Mapping, Sequence

import streamlit as st

from billing import digest_settings, message_channels
from billing.principals import ROLES, Principal
from dashboard import deeds, shell, wording
from dashboard.books import Books
from dashboard.controls import minor_of
from store.digests import DigestRecipient, DigestSettings

PAGE = "notifications"
NO_DAY = "No day"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROLE_HELP = "Links in the email act in this role: a viewer's email has none, support and above answer alerts."


def draw(
    opened: Books, principal: Principal, recipients: Sequence[DigestRecipient], stopped: Mapping[str, str]
) -> None:
    """Everybody on the list, and putting somebody on it."""
    on = sum(each.is_on for each in recipients)
    subtitle = f"It goes to {wording.count(on, 'person', 'people')}" if on else "It goes to nobody"
    may = principal.ranks_at_least("lead")
    with shell.card("recipients", "Daily email", subtitle):
        if not recipients:
            st.markdown(
                ":gray[:material/mail:] Nobody gets the daily email yet. It says each morning what is unusual, what goes on and what is over."
            )
        for each in recipients:
            _recipient(opened, principal, each, stopped.get(each.address))
        if st.button("Add somebody", icon=":material/person_add:", key="recipient_add", disabled=not may):
            _add(opened, principal)


def _recipient(opened: Books, principal: Principal, each: DigestRecipient, stop: str | None) -> None:
    may = principal.ranks_at_least("lead")
    with st.container(key=f"attention_{digest_settings.address_hash(each.address)}"):
        if each.is_on and stop is None:
            state = ":green-badge[:material/check: gets it]"
        elif each.is_on:
            state = f":orange-badge[:material/block: stopped: {wording.escape(stop or '')}]"
        else:
            state = f":gray-badge[:material/pause: off since {wording.day_of(each.changed_at)}]"
        name = (
            f"**{wording.escape(each.name)}** · {wording.escape(each.address)}"
            if each.name
            else f"**{wording.escape(each.address)}**"
        )
        st.markdown(
            f"{name} {state}  \n:small[:gray[{each.role} · added {wording.day_of(each.added_at)} by {wording.escape(each.added_by)}]]"
        )
        with st.container(horizontal=True, gap="small"):
            key = digest_settings.address_hash(each.address)
            if st.button(
                "Send a test", icon=":material/send:", key=f"test_mail_{key}", disabled=not may or stop is not None
            ):
                deeds.do(
                    opened, PAGE,
                    lambda connection, now: message_channels.send_test_mail(
                        connection, opened.tenant_id, each.address, principal=principal, now=now
                    ),
                    f"A test to {each.address} was written down; below it says whether it arrived.",
                )  # fmt: skip
            words, icon = ("Turn off", ":material/pause:") if each.is_on else ("Turn on", ":material/play_arrow:")
            if st.button(words, icon=icon, key=f"switch_{key}", disabled=not may):
                deeds.do(
                    opened, PAGE,
                    lambda connection, now: digest_settings.switch_recipient(
                        connection, each.address, is_on=not each.is_on, principal=principal, now=now
                    ),
                    f"{each.address} {'gets no daily email' if each.is_on else 'gets the daily email'} from now on.",
                    too_late="That was so already.",
                )  # fmt: skip
            if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove_{key}", disabled=not may):
                _remove(opened, principal, each)


@st.dialog("Add somebody to the daily email", icon=":material/person_add:")
def _add(opened: Books, principal: Principal) -> None:
    address = st.text_input("Email address", key="recipient_address", placeholder="fay@acme.example")
    name = st.text_input("Name", key="recipient_name", placeholder="Optional; it stands beside what their links do")
    allowed = [role for role in ROLES if principal.ranks_at_least(role)]
    role = st.selectbox("Role", allowed, key="recipient_role", format_func=str.capitalize, help=ROLE_HELP)
    if st.button("Add", type="primary", key="recipient_submit"):
        deeds.do(
            opened, PAGE,
            lambda connection, now: digest_settings.add_recipient(
                connection, opened.tenant_id, address, name=name, role=role, principal=principal, now=now
            ),
            f"{address.strip()} gets the daily email.",
        )  # fmt: skip


@st.dialog("Remove from the daily email", icon=":material/delete:")
def _remove(opened: Books, principal: Principal, each: DigestRecipient) -> None:
    st.markdown(
        f"{wording.escape(each.address)} gets no more daily email, and links in those that came do nothing any more."
    )
    if st.button("Remove", type="primary", key="recipient_remove_submit"):
        deeds.do(
            opened, PAGE,
            lambda connection, now: digest_settings.remove_recipient(connection, each.address, principal=principal, now=now),
            f"{each.address} is off the list.",
            too_late="That was so already.",
        )  # fmt: skip


def draw_settings(opened: Books, principal: Principal, settings: DigestSettings, currency: str) -> None:
    """When it goes out, in a form of its own."""
    state = "It is on" if settings.is_on else "It is off: nobody gets it"
    may = principal.ranks_at_least("lead")
    # A card of its own height: the form beside a long list would be mostly empty.
    with st.container(border=True, key="card_digest_settings"), st.form("digest_settings", border=False):
        st.markdown(f"### When it goes out\n:small[:gray[{state}]]")
        is_on = st.toggle("Send the daily email", value=settings.is_on, key="digest_on", disabled=not may)
        hour = st.selectbox(
            "Hour", range(24), index=settings.hour, format_func=lambda each: f"{each:02}:00", key="digest_hour", disabled=not may
        )  # fmt: skip
        zones = sorted(zoneinfo.available_timezones() | {settings.time_zone})
        zone = st.selectbox(
            "Time zone", zones, index=zones.index(settings.time_zone), key="digest_zone", disabled=not may,
            help="The hour is local there, summer and winter.",
        )  # fmt: skip
        quiet = st.selectbox(
            "Say that all is quiet on", (NO_DAY, *WEEKDAYS), key="digest_quiet", disabled=not may,
            index=0 if settings.all_quiet_weekday is None else settings.all_quiet_weekday + 1,
            help="On other days without news there is no email.",
        )  # fmt: skip
        least = st.number_input(
            f"Show alerts one by one from ({currency.upper()})", min_value=0.0, step=1.0, key="digest_least", disabled=not may,
            value=wording.major(settings.least_impact_minor, currency) or 0.0, help="Smaller ones are counted in one line.",
        )  # fmt: skip
        if st.form_submit_button("Save", type="primary", key="digest_save", disabled=not may):
            deeds.do(
                opened, PAGE,
                lambda connection, now: digest_settings.change_settings(
                    connection, opened.tenant_id, principal=principal, now=now, is_on=is_on, hour=hour, time_zone=zone,
                    all_quiet_weekday=None if quiet == NO_DAY else WEEKDAYS.index(quiet), least_impact_minor=minor_of(least, currency),
                ),
                f"The daily email goes out at {hour:02}:00 in {zone}." if is_on else "The daily email is off.",
            )  # fmt: skip
