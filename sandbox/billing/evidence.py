"""What a dispute is answered with: texts, files and Visa's compelling evidence, each held to Stripe's limits."""

from sandbox.billing.compelling_evidence import is_eligible, standing
from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject
from sandbox.objects.money import EVIDENCE_FIELDS, EVIDENCE_FILES
from sandbox.state import State

CHARACTERS_MAX = 150_000
FILES_BYTES_MAX = 4_500_000
# A signature may have been uploaded as such.
PURPOSES = {"customer_signature": {"customer_signature", "dispute_evidence"}}
_DECISIONS = {
    "under_review": {"winning_evidence": "won", "losing_evidence": "lost"},
    "warning_under_review": {
        "winning_evidence": "warning_closed",
        "losing_evidence": "warning_closed",
        "escalate_inquiry_evidence": "needs_response",
    },
}


def take_evidence(state: State, found: StripeObject, given: StripeObject) -> None:
    """Put the given fields into the dispute's evidence; an empty one is taken out again.

    Raises 400 on a field that there is not, a file that does not exist or was uploaded for something else, more than
    150,000 characters of text or 4.5 MB of files.
    """
    for field, value in given.items():
        if field == "enhanced_evidence":
            _take_enhanced(state, found, value or {})
            continue
        if field == "appeal":
            raise invalid("This dispute cannot be appealed.", param="evidence[appeal]")
        if field not in EVIDENCE_FIELDS:
            raise invalid(
                f"Received unknown parameter: evidence[{field}]", param=f"evidence[{field}]", code="parameter_unknown"
            )
        if value and field in EVIDENCE_FILES:
            _check_file(state, field, str(value))
        found["evidence"][field] = value or None
    evidence = found["evidence"]
    texts = [evidence[field] or "" for field in EVIDENCE_FIELDS if field not in EVIDENCE_FILES]
    if sum(map(len, texts)) > CHARACTERS_MAX:
        raise invalid("The combined text of the evidence may not exceed 150,000 characters.", param="evidence")
    files = {evidence[field] for field in EVIDENCE_FILES} - {None}
    if sum(state.objects["file"][id_]["size"] for id_ in files) > FILES_BYTES_MAX:
        raise invalid("The combined size of the evidence files may not exceed 4.5 MB.", param="evidence")
    found["evidence_details"]["has_evidence"] = any(texts) or bool(files) or bool(evidence["enhanced_evidence"])


def _check_file(state: State, field: str, id_: str) -> None:
    file, param = state.objects["file"].get(id_), f"evidence[{field}]"
    if file is None:
        raise invalid(f"No such file upload: '{id_}'", param=param, code="resource_missing")
    purposes = PURPOSES.get(field, {"dispute_evidence"})
    if file["purpose"] not in purposes:
        raise invalid(
            f"The file {id_} was uploaded with purpose {file['purpose']}; {param} takes {' or '.join(sorted(purposes))}.",
            param=param,
        )


def _take_enhanced(state: State, found: StripeObject, given: StripeObject) -> None:
    """Visa's compelling evidence, and how far it goes; acknowledged fees are kept and nothing more."""
    found["evidence"]["enhanced_evidence"] = given
    if given.get("visa_compelling_evidence_3") and not is_eligible(state, found):
        raise invalid(
            "This dispute is not eligible for Visa compelling evidence 3.0.",
            param="evidence[enhanced_evidence][visa_compelling_evidence_3]",
        )
    if is_eligible(state, found):
        eligibility = found["evidence_details"]["enhanced_eligibility"]
        eligibility["visa_compelling_evidence_3"] = standing(state, found)


def decision_asked_for(found: StripeObject) -> str | None:
    """What the bank makes of Stripe's words for testing; None for real evidence."""
    return _DECISIONS.get(found["status"], {}).get(found["evidence"]["uncategorized_text"] or "")
