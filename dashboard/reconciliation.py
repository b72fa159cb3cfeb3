"""Whether our copies and the money agree with Stripe: the last run, what does not agree and why, and its repair."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from billing import reconciliation
from billing.principals import Principal
from dashboard import deeds, reconciliation_rows, shell, usage_bills, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from store import discrepancies, reconciliation_runs
from store.database import tenant_transaction
from store.discrepancies import Known
from store.reconciliation_runs import Run

PER_PAGE = 15
LOOK_AGAIN_SECONDS = 2
TOO_LATE = "Somebody else was quicker: it is not open any more."
UNFINISHED = ("wanted", "running")


TABS = {"stripe": "Stripe", "usage": "Usage and bills"}


def draw() -> None:
    """The page: our copies against Stripe, or usage against bills, as the address says."""
    with shell.header("Reconciliation", "Our copies against Stripe, and usage against bills"):
        chosen = st.segmented_control(
            "Compare",
            list(TABS),
            format_func=TABS.__getitem__,
            default="stripe",
            required=True,
            key="compare",
            bind="query-params",
            label_visibility="collapsed",
        )
    if chosen == "usage":
        usage_bills.draw()
    else:
        _stripe()


def _stripe() -> None:
    """Our copies against Stripe; without a database it says so."""
    principal = acting_as()
    opened = books()
    with st.container():
        if opened is not None and st.button(
            "Run now", icon=":material/sync:", type="primary", key="run_reconciliation"
        ):
            deeds.do(
                opened,
                "reconciliation",
                lambda connection, now: reconciliation.ask_for_run(
                    connection, opened.tenant_id, principal=principal, now=now
                ),
                "Asked for. Everything is compared now; this page shows how far it is.",
                too_late=TOO_LATE,
            )
    if opened is None:
        return
    deeds.say_what_was_done("reconciliation")
    is_moving = _is_moving(opened)
    st.fragment(_draw_all, run_every=LOOK_AGAIN_SECONDS if is_moving else None)(opened, principal, is_moving)


def _is_moving(opened: Books) -> bool:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        unfinished = reconciliation_runs.newest(connection, states=UNFINISHED)
        is_stopped = unfinished is not None and unfinished.trouble is not None
        return (unfinished is not None and not is_stopped) or bool(discrepancies.repairs_wanted(connection, limit=1))


def _draw_all(opened: Books, principal: Principal, was_moving: bool) -> None:
    now = datetime.now(UTC)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        unfinished = reconciliation_runs.newest(connection, states=UNFINISHED)
        finished = reconciliation_runs.last_complete(connection)
        found = discrepancies.listed(connection)
        ignored = discrepancies.listed(connection, states=("ignored",), limit=PER_PAGE)
    for run in (unfinished, finished):
        if run is not None:
            st.markdown(reconciliation_rows.run_line(run, now))
    if finished is not None:
        _tiles(finished, found)
        for sentence in finished.refused.values():
            st.markdown(f":orange[:material/lock:] {wording.escape(sentence)}")
    if found:
        _open_ones(opened, principal, found)
    elif finished is None:
        _nothing(
            "Nothing was compared so far.", "Each night everything is compared; “Run now” does it at once.", "sync"
        )
    else:
        _nothing(*reconciliation_rows.all_is_well(finished, len(ignored)), "task_alt")
    _ignored(ignored)
    if finished is not None:
        with st.expander("What was compared", icon=":material/checklist:"):
            st.dataframe(
                pl.DataFrame(reconciliation_rows.checked_rows(finished)),
                hide_index=True,
                alt="Each kind of object and of sum with how many were compared",
            )
    if was_moving and not _is_moving(opened):
        st.rerun()  # nothing moves any more, so nothing need be looked at again


def _tiles(run: Run, found: list[Known]) -> None:
    objects, sums = reconciliation_rows.compared(run)
    first, *others = reconciliation_rows.at_stake(found) or ["none"]
    tiles = (
        ("Open discrepancies", f"{len(found):,}", None),
        ("Money in them", first, " + ".join(others) or None),
        ("Objects compared", f"{objects:,}", None),
        ("Sums checked", f"{sums:,}", None),
    )
    with st.grid(4, min_column_width=140, gap="small") as grid:
        for label, value, more in tiles:
            with grid.cell():
                st.metric(label, value, more, delta_color="off", delta_arrow="off", border=True, height="stretch")


def _nothing(headline: str, line: str, icon: str) -> None:
    with st.container(border=True, key="card_reconciled", horizontal_alignment="center"):
        st.markdown(f"# :gray[:material/{icon}:]", width="content")
        st.markdown(headline, width="content")
        st.markdown(f":gray[{wording.escape(line)}]", width="content")


def _open_ones(opened: Books, principal: Principal, found: list[Known]) -> None:
    counts: Mapping[str, int] = {
        kind: sum(known.kind == kind for known in found)
        for kind in reconciliation_rows.KINDS
        if any(known.kind == kind for known in found)
    }
    chosen: str | None = st.pills(
        "Kind",
        list(counts),
        format_func=lambda kind: reconciliation_rows.kind_label(kind, counts[kind]),
        key="discrepancy_kind",
        bind="query-params",
        label_visibility="collapsed",
    )
    of_kind = [known for known in found if chosen is None or known.kind == chosen]
    what = f"all {len(of_kind):,}" + (f" of “{reconciliation_rows.KINDS[chosen][0]}”" if chosen else "")
    if st.button(f"Repair {what}", icon=":material/build:", key="repair_all"):
        deeds.do(
            opened,
            "reconciliation",
            lambda connection, now: reconciliation.ask_for_repair(
                connection, principal=principal, now=now, kind=chosen
            ),
            "What they are about is fetched from Stripe again.",
            too_late=TOO_LATE,
        )
    page = int(st.session_state.get("discrepancy_page", 1))
    for known in of_kind[: PER_PAGE * page]:
        _discrepancy(opened, principal, known)
    if len(of_kind) > PER_PAGE * page and st.button("Show more", key="discrepancy_more"):
        st.session_state["discrepancy_page"] = page + 1
        st.rerun(scope="fragment")


def _discrepancy(opened: Books, principal: Principal, known: Known) -> None:
    with st.container(border=True, key=f"card_discrepancy_{known.discrepancy_id}"):
        cause = known.cause or "The cause is not known."
        st.markdown(
            f"{reconciliation_rows.title(known)}\n{wording.escape(known.sentence)}  \n"
            f":material/help_center: {wording.escape(cause)}  \n"
            f":small[:gray[{wording.escape(reconciliation_rows.seen(known))}]]"
        )
        if known.repair_trouble:
            st.markdown(f":orange[:material/warning:] {wording.escape(known.repair_trouble)}")
        if known.repair_wanted_by:
            asked_by = wording.escape(known.repair_wanted_by)
            st.markdown(f":gray[:material/hourglass_top: Being fetched again, asked for by {asked_by}.]")
        with st.container(horizontal=True, gap="small"):
            if st.button(
                "Repair",
                icon=":material/build:",
                type="primary",
                key=f"repair_{known.discrepancy_id}",
                disabled=known.repair_wanted_by is not None,
                help="Fetches it from Stripe again and takes it in as it is there now.",
            ):
                deeds.do(
                    opened,
                    "reconciliation",
                    lambda connection, now: reconciliation.ask_for_repair(
                        connection, principal=principal, now=now, ids=[known.discrepancy_id]
                    ),
                    f"{known.object_id} is fetched from Stripe again.",
                    too_late=TOO_LATE,
                )
            if st.button(
                "Ignore", icon=":material/visibility_off:", type="tertiary", key=f"ignore_{known.discrepancy_id}"
            ):
                _confirm_ignore(opened, principal, known)
        if known.fields:
            with st.expander("Fields", icon=":material/data_object:"):
                st.dataframe(
                    pl.DataFrame(reconciliation_rows.field_rows(known.fields)),
                    hide_index=True,
                    key=f"fields_{known.discrepancy_id}",
                    alt="Each field that differs, at Stripe and here",
                )


def _ignored(found: list[Known]) -> None:
    if not found:
        return
    with st.expander(f"Ignored ({len(found)})", icon=":material/visibility_off:"):
        for known in found:
            why = wording.escape(f"{known.ignore_reason} ({known.ended_by})")
            st.markdown(f"{wording.escape(known.sentence)}\n\n:small[:gray[{why}]]")


@st.dialog("Ignore", icon=":material/visibility_off:")
def _confirm_ignore(opened: Books, principal: Principal, known: Known) -> None:
    st.markdown(f"{wording.escape(known.sentence)}\n\nIt is not shown again while it stays exactly like this.")
    reason = st.text_area("Why", key="ignore_reason")
    if st.button("Ignore it", type="primary", key="ignore_submit"):
        deeds.do(
            opened,
            "reconciliation",
            lambda connection, now: reconciliation.ignore(
                connection, known.discrepancy_id, principal=principal, reason=reason, now=now
            ),
            f"{known.object_id} is ignored while it stays as it is.",
            too_late=TOO_LATE,
        )
