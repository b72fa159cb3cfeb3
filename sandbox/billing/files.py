"""Uploaded files: kept by what they are, with a hash instead of their bytes."""

import hashlib
from collections.abc import Mapping

from sandbox.billing.params import required
from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject
from sandbox.state import State

# What was in a file, by the file's id; the bytes themselves are not kept.
CONTENT = "sandbox.file_content"
BYTES_MAX: Mapping[str, int] = {"dispute_evidence": 5_000_000}
ANY_PURPOSE_BYTES_MAX = 16_000_000
PURPOSES = {
    "account_requirement",
    "additional_verification",
    "business_icon",
    "business_logo",
    "customer_signature",
    "dispute_evidence",
    "identity_document",
    "issuing_regulatory_reporting",
    "pci_document",
    "platform_terms_of_service",
    "tax_document_user_upload",
}
# By their first bytes, whatever the sender calls them.
MAGIC: Mapping[str, bytes] = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff"}


def create_file(state: State, params: StripeObject) -> StripeObject:
    """Keep an upload. `file` is as `http/forms.py` reads it out of a multipart body: filename and content.

    Raises 400 on an unknown purpose, an empty or too large file, and evidence that is neither PDF, PNG nor JPEG.
    """
    purpose, given = str(required(params, "purpose")), required(params, "file")
    if purpose not in PURPOSES:
        raise invalid(f"Invalid purpose: must be one of {', '.join(sorted(PURPOSES))}", param="purpose")
    if not isinstance(given, dict) or not isinstance(given.get("content"), bytes):
        raise invalid("Invalid file: it must be a part of a multipart/form-data body.", param="file")
    content: bytes = given["content"]
    most = BYTES_MAX.get(purpose, ANY_PURPOSE_BYTES_MAX)
    if not 0 < len(content) <= most:
        raise invalid(f"The file has {len(content):,} bytes; it must have between 1 and {most:,}.", param="file")
    kind = next((name for name, start in MAGIC.items() if content.startswith(start)), None)
    if kind is None and purpose == "dispute_evidence":
        raise invalid("Invalid file type: dispute_evidence must be a PDF, PNG or JPEG file.", param="file")
    id_ = state.new_id("file")
    state.put({"id": id_, "object": CONTENT, "sha256": hashlib.sha256(content).hexdigest()})
    return state.put(
        {
            "id": id_,
            "object": "file",
            "created": state.now,
            "expires_at": None,
            "filename": str(given["filename"]) or None,
            "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={id_}"},
            "purpose": purpose,
            "size": len(content),
            "title": None,
            "type": kind,
            "url": f"https://files.stripe.com/v1/files/{id_}/contents",
        }
    )


def sha256_of(state: State, id_: str) -> str:
    """The hash of what was uploaded, in hexadecimal digits."""
    return str(state.objects[CONTENT][id_]["sha256"])
