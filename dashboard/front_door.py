"""What every answer over HTTP passes through: security headers, and our own front page around Streamlit's bundle."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Streamlit's bundle evaluates expressions and runs workers from blobs; everything else stays on this origin.
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}
# Without a base address the bundle guesses one from a deep link and asks for /customers/_stcore/health first, which
# leaves two 404s in the console of everybody who follows a link.
BASE_ADDRESS = b"<script>window.__streamlit={BACKEND_BASE_URL:window.location.origin}</script>"
MODULE = b'<script type="module"'


def own_front_page(html: bytes) -> bytes:
    """Streamlit's index.html with our name, our icon and the address of this server; other HTML is left as it is."""
    if MODULE not in html:
        return html
    html = html.replace(MODULE, BASE_ADDRESS + MODULE, 1)
    html = html.replace(b"<title>Streamlit</title>", b"<title>Metering</title>", 1)
    return html.replace(b'href="./favicon.png"', b'href="/app/static/mark.png"', 1)


class FrontDoor:
    """ASGI middleware; WebSocket traffic passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
            # The page's 6 kB are asked for plain, so that they can be rewritten; scripts and styles stay compressed.
            kept = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        held: list[Message] = []
        page: list[bytes] = []

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                    held.append(message)
                    return
            elif held:
                page.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_page(send, held[0], b"".join(page))
                return
            await send(message)

        await self.app(scope, receive, send_on)


async def _send_page(send: Send, start: Message, html: bytes) -> None:
    body = own_front_page(html)
    headers = MutableHeaders(scope=start)
    headers["content-length"] = str(len(body))
    # Validators of the file on disk would let a browser keep a page that this code no longer serves.
    for name in ("etag", "last-modified"):
        if name in headers:
            del headers[name]
    await send(start)
    await send({"type": "http.response.body", "body": body})
