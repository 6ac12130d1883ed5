"""aiohttp's errors and an answer's status, as our errors."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from yarl import URL

from cromicle_magic.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ContextLengthError,
    CromicleError,
    NotFoundError,
    ProviderTimeoutError,
    RateLimitError,
    RedirectError,
    StatusError,
    TruncatedError,
    UnexpectedContentError,
)


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Raise our error instead of aiohttp's; `url` is whom it is about."""
    try:
        yield
    except aiohttp.ClientError as error:
        # The origin has no user name, password, path or query, any of which can be a secret.
        raise _ours(error, url.origin().human_repr().rstrip("/")) from None


def _ours(error: aiohttp.ClientError, address: str) -> CromicleError:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return ProviderTimeoutError(
                f"No connection to {address} came about in time.", "Check the address and the network."
            )
        case aiohttp.ClientConnectorError():
            proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
            peer = f"The proxy {error.host}:{error.port}" if proxy else address
            return ConnectionFailedError(f"{peer} cannot be reached: {_reason(error)}.", _HINT[type(error)])
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailedError(
                f"The proxy refused to connect to {address}: {error.status} {error.message}.",
                "Check the proxy's address and credentials.",
            )
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return TruncatedError(
                f"{address} closed the connection before the answer's end.", "Ask again; what came is kept."
            )
        case _:
            return UnexpectedContentError(
                f"{address} did not answer in HTTP: {getattr(error, 'message', error)}.", "Check the address."
            )


class _Hints(dict[type, str]):
    def __missing__(self, kind: type) -> str:
        return "Check that the server is running and that the address is right."


_HINT = _Hints(
    {
        aiohttp.ClientConnectorDNSError: "Check the host's name.",
        aiohttp.ClientConnectorCertificateError: "Its certificate is not trusted here.",
        aiohttp.ClientConnectorSSLError: "If the server does not speak TLS, write http:// in the address.",
        aiohttp.ClientProxyConnectionError: "Check the proxy's address.",
    }
)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "verify_message", "") or cause.reason or "TLS failed"
    # A resolver's errno is of another table than the system's.
    if cause.errno and not isinstance(error, aiohttp.ClientConnectorDNSError):
        return os.strerror(cause.errno)
    return cause.strerror or str(cause) or type(cause).__name__


def status_error(raw: aiohttp.ClientResponse, message: str) -> StatusError:
    """Return the error for a status that is no success; `message` is what the body says of it."""
    status = raw.status
    kind, hint = _KINDS.get(status, (RedirectError if status < 400 else StatusError, ""))
    if kind is RedirectError:
        message = f"it points to {raw.headers.get('Location', 'nowhere')}"
        hint = "Set that address yourself if you trust it: redirects are not followed."
    return kind(
        f"The provider answered {' '.join(filter(None, (str(status), raw.reason)))}"
        f"{message and ': '}{message}.",
        hint or ("Try again later." if status >= 500 else "Check the request."),
        http_status=status,
        request_id=raw.headers.get("X-Request-Id"),
    )


_KINDS: dict[int, tuple[type[StatusError], str]] = {
    401: (AuthenticationError, "Check the key or the token."),
    403: (AuthenticationError, "Check the key or the token."),
    404: (NotFoundError, "Check the address and the model's name."),
    407: (StatusError, "Check the proxy's credentials."),
    413: (ContextLengthError, "Shorten the prompt."),
    429: (RateLimitError, "Wait a little and ask again."),
}
