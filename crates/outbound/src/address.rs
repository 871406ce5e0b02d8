//! Which addresses are out in the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is a public one: not this machine, its network, a metadata service, a
/// multicast group, or an IPv6 form that leads to one of these (IANA special-purpose registries,
/// RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, d] = v4.octets();
    let special = match (a, b, c) {
        // "This network", private, loopback, multicast, reserved and broadcast.
        (0 | 10 | 127 | 224..=255, _, _)
        // Carrier-grade NAT; link-local with the metadata services.
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        // IETF assignments, documentation, 6to4 relays, AS112 and AMT.
        | (192, 0, 0 | 2)
        | (192, 31, 196)
        | (192, 52, 193)
        | (192, 88, 99)
        | (192, 168, _)
        | (192, 175, 48)
        // Benchmarks; documentation.
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        _ => false,
    };
    // Azure's machines find their metadata and secrets at this one, which looks like any other.
    let wire_server = (a, b, c, d) == (168, 63, 129, 16);
    !special && !wire_server
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    let [a, b, c, ..] = segments;
    // Only global unicast; mapped, compatible, translated (NAT64), discard-only, segment-routing,
    // unique-local, link-local, site-local and multicast ones lie outside.
    let global = a & 0xe000 == 0x2000;
    let special = match (a, b, c) {
        // IETF assignments with Teredo, benchmarks and ORCHID; documentation.
        (0x2001, 0..=0x01ff | 0x0db8, _)
        // 6to4 wraps an IPv4 address; 6bone is over; AS112; documentation.
        | (0x2002 | 0x3ffe, _, _)
        | (0x2620, 0x004f, 0x8000)
        | (0x3fff, 0..=0x0fff, _) => true,
        _ => false,
    };
    // ISATAP (RFC 5214) wraps an IPv4 address under any prefix.
    let isatap = matches!(segments[4..6], [0 | 0x0200, 0x5efe]);
    global && !special && !isatap
}
