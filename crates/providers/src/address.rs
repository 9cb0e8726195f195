//! Which addresses may be called: scheme, user info, allow-lists, and no private network unless allowed. The address
//! that was checked is the one connected to: names are resolved by [`CheckedResolver`], which hands only good addresses
//! to the connection, and numeric hosts are checked before.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use imagemill_domain::failure::{Failure, FailureKind};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Which rule of the profile applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Calling the provider.
    Api,
    /// Fetching a picture.
    Download,
}

impl Purpose {
    /// The switch that allows private addresses.
    fn switch(self) -> &'static str {
        match self {
            Self::Api => "allow_private_api",
            Self::Download => "allow_private_downloads",
        }
    }

    /// The list of allowed hosts.
    fn list(self) -> &'static str {
        match self {
            Self::Api => "api_hosts",
            Self::Download => "download_hosts",
        }
    }
}

/// What an address must keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressRules<'a> {
    /// Whose rules they are.
    pub(crate) purpose: Purpose,
    /// Private and loopback addresses are fine.
    pub(crate) allow_private: bool,
    /// Empty, or the hosts allowed.
    pub(crate) hosts: &'a [String],
}

/// Checks everything about `address` that can be said without resolving its name.
pub(crate) fn check(address: &str, rules: AddressRules<'_>) -> Result<Url, Failure> {
    let invalid = |what: String| Failure::new(FailureKind::Invalid, what);
    let shown: String = address.chars().take(200).collect();
    let url = Url::parse(address).map_err(|error| invalid(format!("{shown:?} is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("{shown:?} is not allowed: only http and https addresses are called")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("an address with a user name or password in it is not called".into()));
    }
    let Some(host) = url.host() else { return Err(invalid(format!("{shown:?} names no host"))) };
    if !rules.hosts.is_empty() && !rules.hosts.iter().any(|entry| covers(entry, &host)) {
        return Err(invalid(format!("the host {host} is not in the profile's network.{}", rules.purpose.list())));
    }
    let literal = match host {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    };
    let is_refused = match host {
        _ if rules.allow_private => false,
        Host::Domain(name) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost") || is_proxy(name),
        _ => literal.is_some_and(|ip| !is_public(ip)),
    };
    if is_refused {
        let refusal = Refusal { host: host.to_string(), purpose: rules.purpose };
        return Err(invalid(refusal.to_string()));
    }
    Ok(url)
}

/// Whether an entry of an allow-list covers `host`: the host itself or one below it.
fn covers(entry: &str, host: &Host<&str>) -> bool {
    let host = host.to_string().trim_end_matches('.').to_ascii_lowercase();
    let entry =
        entry.trim().trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    host == entry || host.strip_suffix(&entry).is_some_and(|rest| rest.ends_with('.') && !entry.is_empty())
}

/// A name or number that leads into a private network.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    host: String,
    purpose: Purpose,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is a private or reserved address; set network.{} = true in the profile if that is wanted",
            self.host,
            self.purpose.switch()
        )
    }
}

impl std::error::Error for Refusal {}

/// Whether an address is reachable by everybody, by the special-purpose registries of IANA. Addresses that carry an IPv4
/// address (mapped, NAT64, 6to4) are as public as that one.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let reserved = match (a, b, c) {
        (0 | 10 | 127 | 224.., _, _)
        | (169, 254, _)
        | (192, 168, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        (100, second, _) => (64..128).contains(&second),
        (172, second, _) => (16..32).contains(&second),
        (198, second, _) => second == 18 || second == 19,
        _ => false,
    };
    !reserved
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // Mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        // Protocol assignments (Teredo and others) and documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // All that is handed out lies in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Resolves names and keeps only addresses that may be called.
#[derive(Debug)]
pub(crate) struct CheckedResolver {
    pub(crate) purpose: Purpose,
    pub(crate) allow_private: bool,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        // A proxy from the environment may be anywhere: the user named it.
        let allow_private = self.allow_private || is_proxy(&host);
        let purpose = self.purpose;
        Box::pin(async move {
            let all: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            // One private address among public ones is how rebinding looks: the name as a whole is refused.
            if !allow_private && all.iter().any(|address| !is_public(address.ip())) {
                return Err(Box::new(Refusal { host, purpose }) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(all.into_iter()) as Addrs)
        })
    }
}

/// Whether `host` is a proxy of the environment.
fn is_proxy(host: &str) -> bool {
    proxies().contains(&host.to_ascii_lowercase())
}

fn proxies() -> Arc<BTreeSet<String>> {
    static PROXIES: std::sync::OnceLock<Arc<BTreeSet<String>>> = std::sync::OnceLock::new();
    let read = || {
        let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        let values = names.iter().filter_map(|name| std::env::var(name).ok());
        let hosts = values.filter_map(|value| {
            let with_scheme = if value.contains("://") { value } else { format!("http://{value}") };
            Url::parse(&with_scheme).ok()?.host_str().map(str::to_ascii_lowercase)
        });
        Arc::new(hosts.collect())
    };
    PROXIES.get_or_init(read).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        let rules = AddressRules { purpose: Purpose::Api, allow_private: false, hosts: &[] };
        check(address, rules).expect_err(address).message
    }

    #[test]
    fn private_forms_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "localhost",
            "LOCALHOST.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fec0::1]",
            "[2001:db8::1]",
            "[ff02::1]",
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[2001::1]",
        ] {
            let message = refused(&format!("http://{host}/v1"));
            assert!(message.contains("allow_private_api"), "{host}: {message}");
        }
    }

    #[test]
    fn public_forms_pass() {
        let rules = AddressRules { purpose: Purpose::Api, allow_private: false, hosts: &[] };
        for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1]", "[64:ff9b::808:808]", "api.example.org"]
        {
            check(&format!("https://{host}/v1"), rules).unwrap();
        }
    }

    #[test]
    fn scheme_user_info_and_lists_count() {
        assert!(refused("ftp://example.org/").contains("only http and https"));
        assert!(refused("https://user:secret@example.org/").contains("user name"));
        assert!(!refused("https://user:secret@example.org/").contains("secret"));
        let hosts = ["example.org".to_owned(), "*.cdn.net".to_owned()];
        let rules = AddressRules { purpose: Purpose::Download, allow_private: false, hosts: &hosts };
        for good in ["https://example.org/", "https://a.b.example.org./", "https://x.cdn.net/"] {
            check(good, rules).unwrap();
        }
        for bad in ["https://badexample.org/", "https://example.org.evil.net/", "https://8.8.8.8/"] {
            assert!(check(bad, rules).unwrap_err().message.contains("download_hosts"), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_resolver_refuses_names_that_lead_inside() {
        let strict = CheckedResolver { purpose: Purpose::Download, allow_private: false };
        let refusal = strict.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(refusal.downcast_ref::<Refusal>().is_some());
        let open = CheckedResolver { purpose: Purpose::Download, allow_private: true };
        assert!(open.resolve("localhost".parse().unwrap()).await.unwrap().count() > 0);
    }
}
