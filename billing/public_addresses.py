"""Whether an address that a name stands for may be called: not this machine, not a private network, not a cloud's metadata."""

import asyncio
import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses of version 6 that carry one of version 4 to a gateway, which would call it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """The name stands for an address inside; the sentence says which rule and what to do, without the address."""


def is_public(address: Address) -> bool:
    """Whether the address is one of the internet at large; one that is wrapped in another is judged as itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


async def addresses_of(host: str, port: int, *, may_be_private: bool) -> list[str]:
    """What the host stands for at this moment, to be called by exactly these: asked again, it could stand for something else.

    Raises AddressRefused when any of them is inside and that is not allowed, and OSError when nobody knows the name.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # An address of version 6 may name its interface after a %, which only one's own network has.
    if not may_be_private and not all("%" not in one and is_public(ipaddress.ip_address(one)) for one in addresses):
        raise AddressRefused(
            f"{host} stands for an address inside a private network or this machine, which is not called. "
            "Where that is meant, set METERING_PRIVATE_WEBHOOKS=true."
        )
    return addresses
