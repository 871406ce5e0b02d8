//! What holds for every address, however it is written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use http::Request;
use outbound::{Limits, Outbound, is_public};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use url::Url;

use crate::support::{PUBLIC, Watched};

/// A client and the runtime it runs on; made once, as reading the system's certificates takes long.
struct Bench(Runtime, Watched, Outbound);

thread_local! {
    static BENCH: Bench = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let net = Watched::new(|_, _| vec![PUBLIC]);
        let out = net.outbound(&[]);
        Bench(runtime, net, out)
    };
}

/// Where a URL leads, if anywhere.
fn opens(url: &Url) -> Option<IpAddr> {
    BENCH.with(|Bench(runtime, net, out)| {
        let Ok(request) = Request::get(url.as_str()).body(Bytes::new()) else { return None };
        let _ = runtime.block_on(out.connect(&request, Limits::default()));
        net.take().opened.first().map(std::net::SocketAddr::ip)
    })
}

fn opens_host(host: &str) -> Option<IpAddr> {
    opens(&format!("https://{host}/").parse().unwrap())
}

/// Every way to write an IPv4 address that URL readers know.
fn spellings(v4: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = v4.octets();
    let whole = u32::from(v4);
    let (last_two, last_three) = (whole & 0xffff, whole & 0x00ff_ffff);
    vec![
        v4.to_string(),
        format!("{v4}."),
        format!("{whole}"),
        format!("{whole:#x}"),
        format!("0X{whole:X}"),
        format!("0{whole:o}"),
        format!("000{whole:o}"),
        format!("{a}.{last_three}"),
        format!("{a}.{b}.{last_two}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.0{b:o}.{last_two}"),
        format!("{a}。{b}．{c}｡{d}"),
        fullwidth(&v4.to_string()),
        percent(&v4.to_string()),
    ]
}

fn fullwidth(text: &str) -> String {
    let wide = |letter: char| char::from_u32(u32::from(letter) + 0xfee0).unwrap();
    text.chars().map(wide).collect()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| format!("{out}%{byte:02x}"))
}

/// The IPv6 addresses that wrap an IPv4 one.
fn wrapped(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
    let whole = u128::from(u32::from(v4));
    let of = |text: &str| u128::from(text.parse::<Ipv6Addr>().unwrap());
    [
        of("::ffff:0:0") | whole,
        whole,
        of("::ffff:0:0:0") | whole,
        of("64:ff9b::") | whole,
        of("64:ff9b:1::") | whole,
        of("2002::") | whole << 80,
        of("2001::") | whole << 64,
        of("2001::") | (!whole & 0xffff_ffff),
        of("2606:4700::5efe:0:0") | whole,
        of("2606:4700::200:5efe:0:0") | whole,
    ]
    .map(Ipv6Addr::from)
    .to_vec()
}

/// Any address, with many of them near an edge of a special block.
fn v4() -> impl Strategy<Value = Ipv4Addr> {
    let edges = [
        0x0000_0000_u32,
        0x0a00_0000,
        0x6440_0000,
        0x7f00_0000,
        0xa9fe_0000,
        0xac10_0000,
        0xac20_0000,
        0xc000_0000,
        0xc000_0200,
        0xc058_6300,
        0xc0a8_0000,
        0xc612_0000,
        0xc633_6400,
        0xcb00_7100,
        0xe000_0000,
        0xf000_0000,
        0xa83f_8110,
    ];
    let near = (proptest::sample::select(edges.to_vec()), -300_i64..300)
        .prop_map(|(edge, by)| u32::try_from((i64::from(edge) + by).max(0)).unwrap());
    prop_oneof![any::<u32>(), near].prop_map(Ipv4Addr::from)
}

proptest! {
    #[test]
    fn every_spelling_of_an_ipv4_address_gets_the_same_verdict(v4 in v4()) {
        let expected = is_public(v4.into()).then_some(IpAddr::V4(v4));
        for spelling in spellings(v4) {
            prop_assert_eq!(opens_host(&spelling), expected, "{}", spelling);
        }
    }

    #[test]
    fn no_ipv6_address_that_wraps_an_ipv4_one_gets_out(v4 in v4()) {
        for v6 in wrapped(v4) {
            prop_assert!(!is_public(v6.into()), "{}", v6);
            prop_assert_eq!(opens_host(&format!("[{v6}]")), None, "{}", v6);
        }
    }

    #[test]
    fn no_ipv6_address_outside_of_global_unicast_gets_out(bits in any::<u128>()) {
        let v6 = Ipv6Addr::from(bits);
        prop_assert!(!is_public(v6.into()) || bits >> 125 == 1, "{}", v6);
    }

    #[test]
    fn what_the_standard_library_calls_inner_is_never_public(v4 in v4()) {
        let inner = v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_multicast()
            || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
        prop_assert!(!(inner && is_public(v4.into())), "{}", v4);
    }

    #[test]
    fn whatever_is_opened_for_any_text_is_public(text in "\\PC{0,40}|[0-9a-fx.:%@\\[\\]/\\\\#?]{0,30}") {
        if let Ok(url) = Url::parse(&format!("https://{text}")) {
            let opened = opens(&url);
            prop_assert!(opened.is_none_or(is_public), "{url} opened {opened:?}");
        }
    }
}
