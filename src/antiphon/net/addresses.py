"""What an address is: anybody's on the Internet, or something inside that a name must not lead to by itself.

Source: IANA's registries of special-purpose addresses, IPv4 and IPv6, as of 2026-11; addresses of metadata services as
their clouds document them.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA: frozenset[Address] = frozenset(
    ip_address(one)
    for one in (
        "169.254.169.254",  # AWS, Google Cloud, Azure, Oracle, DigitalOcean
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS Pod Identity
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",  # Google Cloud
        "168.63.129.16",  # Azure's wire server
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud Classic
    )
)
_SPECIAL = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier's NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::/96", "an IPv4 address in IPv6"),
    ("::ffff:0:0:0/96", "an IPv4 address in IPv6"),
    ("64:ff9b::/96", "an IPv4 address in IPv6 (NAT64)"),
    ("64:ff9b:1::/48", "an IPv4 address in IPv6 (NAT64)"),
    ("2001::/32", "an IPv4 address in IPv6 (Teredo)"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documentation"),
    ("2002::/16", "an IPv4 address in IPv6 (6to4)"),
    ("3fff::/20", "for documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
SPECIAL: tuple[tuple[Network, str], ...] = tuple((ip_network(one), what) for one, what in _SPECIAL)
GLOBAL = IPv6Network("2000::/3")
"""All that IPv6 has given out; what is outside is reserved."""
WRITTEN_IS_DECLARED = frozenset({"loopback", "private", "shared by a carrier's NAT", "for documentation"})
"""Whoever writes such an address into the configuration means it."""


def nature(address: Address) -> str:
    """What an address is, in a word or two; empty: anybody's."""
    if address in METADATA:
        return "a metadata service's"
    for network, what in SPECIAL:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, IPv6Address) and address not in GLOBAL:
        return "reserved"
    return ""


def plain(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped one stands for, as the kernel connects to that; else the same."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that a translator on the way would make of it; None: it is no such address."""
    if isinstance(address, IPv4Address):
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if nature(address).startswith("an IPv4 address in IPv6"):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def parsed(text: str) -> Address | None:
    """An address in its usual spelling, also with brackets or a zone; None: it is a name, or another spelling, which is
    looked up like one.
    """
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None


def network_of(text: str) -> Network | None:
    """`10.0.0.0/8`, `10.1.2.3` or `fd00::/8`; None: it is none."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether networks hold an address; a metadata service's only as a network of its own."""
    alone = address in METADATA
    return any(
        address.version == network.version and address in network and (not alone or network.num_addresses == 1)
        for network in networks
    )
