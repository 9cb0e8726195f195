//! Who may ask: the name the server is called by, the page a request comes from, the token. Runs before everything else.
//!
//! A page of another site that is open in the same browser can send requests here, and with a name of its own that it points
//! at this machine (DNS rebinding) it could also read the answers. So a request must call the server by a name that only this
//! machine has, and one that a browser sent for a page must be sent for our page.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::state::AppState;

/// Name of the cookie that stands for the token.
const COOKIE: &str = "imagemill_session";
/// What makes the cookie's value another one than the token.
const COOKIE_CONTEXT: &str = "imagemill 2026-11 session cookie";

/// What is checked of every request.
#[derive(Debug)]
pub struct Gate {
    bound: SocketAddr,
    origins: Vec<String>,
    token: Option<blake3::Hash>,
    session: Option<blake3::Hash>,
}

/// The peer of a request, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Whether the request comes from this machine and not through a proxy.
    pub(crate) local: bool,
}

impl Gate {
    /// For a server at `bound`. `origins` are pages of elsewhere that may ask (`https://studio.example`).
    pub fn new(bound: SocketAddr, origins: &[String], token: Option<&str>) -> Self {
        let origins = origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect();
        Self {
            bound,
            origins,
            token: token.map(|token| blake3::hash(token.as_bytes())),
            session: token.map(session_of),
        }
    }

    /// Whether other machines can reach the server.
    pub fn is_remote(&self) -> bool {
        !self.bound.ip().is_loopback()
    }

    /// Pages of elsewhere that may ask.
    pub(crate) fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Whether a token is asked for.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether `token` is the right one, in the same time whatever it is.
    pub(crate) fn is_token(&self, token: &str) -> bool {
        self.token.is_some_and(|wanted| wanted == blake3::hash(token.as_bytes()))
    }

    /// The cookie that stands for the token from now on.
    pub(crate) fn cookie(token: &str) -> HeaderValue {
        let value = session_of(token).to_hex();
        HeaderValue::try_from(format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"))
            .expect("hexadecimal digits are fit for a header")
    }

    /// The cookie that ends a session.
    pub(crate) fn no_cookie() -> HeaderValue {
        HeaderValue::from_static("imagemill_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    fn may_call(&self, headers: &HeaderMap, scheme_host: Option<&str>) -> Result<(), ApiError> {
        let host = scheme_host.or_else(|| text(headers, &header::HOST)).unwrap_or_default().to_ascii_lowercase();
        if !self.is_our_name(&host) {
            let detail = format!("this server is not called {host:?}");
            return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", detail)
                .help("open it as http://localhost or by its address; name other names in ALLOWED_ORIGINS"));
        }
        let Some(origin) = text(headers, &header::ORIGIN) else {
            // A browser that sends no Origin still says whether the request is for another site's page.
            return match headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()) {
                Some("cross-site" | "same-site")
                    if text(headers, &header::ORIGIN).is_none() && !is_navigation(headers) =>
                {
                    Err(foreign("another site's page"))
                }
                _ => Ok(()),
            };
        };
        let origin = origin.to_ascii_lowercase();
        let ours =
            origin.split_once("://").is_some_and(|(scheme, of)| matches!(scheme, "http" | "https") && of == host);
        if ours || self.origins.contains(&origin) { Ok(()) } else { Err(foreign(&origin)) }
    }

    /// Addresses cannot be rebound, and names of this machine are nobody else's.
    fn is_our_name(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let ours = match name.parse::<IpAddr>() {
            Ok(address) if self.is_remote() => !address.is_unspecified() || self.bound.ip().is_unspecified(),
            Ok(address) => address.is_loopback(),
            Err(_) => {
                name == "localhost"
                    || name.ends_with(".localhost")
                    || (self.is_remote() && name == imagemill_desk::host_name().to_ascii_lowercase())
            }
        };
        ours || self.origins.iter().any(|origin| origin.split("://").nth(1) == Some(host))
    }

    fn may_enter(&self, headers: &HeaderMap) -> bool {
        let Some(session) = self.session else { return true };
        let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if bearer.is_some_and(|token| self.is_token(token.trim())) {
            return true;
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
            .any(|value| blake3::Hash::from_hex(value).is_ok_and(|value| value == session))
    }
}

fn session_of(token: &str) -> blake3::Hash {
    blake3::Hash::from_bytes(blake3::derive_key(COOKIE_CONTEXT, token.as_bytes()))
}

fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
}

fn foreign(origin: &str) -> ApiError {
    ApiError::forbidden("foreign_origin", format!("requests of {origin} are not taken"))
        .help("name its origin in ALLOWED_ORIGINS when it is yours")
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The peer, from the connection and the headers that proxies add.
fn peer_of(request: &Request) -> Peer {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let address = address.unwrap_or(IpAddr::from([0, 0, 0, 0])).to_canonical();
    let through =
        ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| request.headers().contains_key(*name));
    Peer { address, local: address.is_loopback() && !through }
}

/// The first thing every request meets.
pub(crate) async fn check(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = peer_of(&request);
    request.extensions_mut().insert(peer);
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let gate = state.gate();
    let path = request.uri().path();
    // A provider calls by a name that it was told, without a token; its signature is checked where the notice is read.
    let signed = path.starts_with("/api/v1/webhooks/") && request.method() == Method::POST;
    if !signed && let Err(problem) = gate.may_call(request.headers(), authority.as_deref()) {
        return problem.into_response();
    }
    let open = signed || !path.starts_with("/api/") || path == "/api/v1/session" || request.method() == Method::OPTIONS;
    if !open && !gate.may_enter(request.headers()) {
        let problem = ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this server asks for its token");
        return problem.help("send it as `Authorization: Bearer TOKEN`, or sign in on the page").into_response();
    }
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn gate(bound: &str, origins: &[&str]) -> Gate {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Gate::new(bound.parse().unwrap(), &origins, Some("sixteen characters"))
    }

    #[test]
    fn names_of_this_machine_only() {
        let local = gate("127.0.0.1:12607", &[]);
        for host in ["localhost:12607", "127.0.0.1:12607", "[::1]:12607", "localhost", "mill.localhost:80"] {
            assert!(local.may_call(&headers(&[("host", host)]), None).is_ok(), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:12607", "localhost.evil.example", "192.168.1.9:12607", ""]
        {
            assert!(local.may_call(&headers(&[("host", host)]), None).is_err(), "{host}");
        }
        let remote = gate("0.0.0.0:12607", &["https://mill.studio.example"]);
        for host in ["192.168.1.9:12607", "mill.studio.example", "localhost:12607"] {
            assert!(remote.may_call(&headers(&[("host", host)]), None).is_ok(), "{host}");
        }
        assert!(remote.may_call(&headers(&[("host", "evil.example:12607")]), None).is_err());
    }

    #[test]
    fn pages_of_other_sites_may_not_ask() {
        let gate = gate("127.0.0.1:12607", &["https://studio.example/"]);
        let may = |origin| gate.may_call(&headers(&[("host", "localhost:12607"), ("origin", origin)]), None).is_ok();
        assert!(may("http://localhost:12607") && may("https://studio.example"));
        for origin in ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:12607"] {
            assert!(!may(origin), "{origin}");
        }
        let site = |site, mode| {
            let all = headers(&[("host", "localhost:12607"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)]);
            gate.may_call(&all, None).is_ok()
        };
        assert!(site("same-origin", "cors") && site("none", "navigate") && site("cross-site", "navigate"));
        assert!(!site("cross-site", "no-cors"));
    }

    #[test]
    fn the_token_or_its_cookie_opens() {
        let gate = gate("127.0.0.1:12607", &[]);
        assert!(!gate.may_enter(&headers(&[])));
        assert!(gate.may_enter(&headers(&[("authorization", "Bearer sixteen characters")])));
        assert!(!gate.may_enter(&headers(&[("authorization", "Bearer sixteen character")])));
        let cookie = Gate::cookie("sixteen characters");
        let mut with = HeaderMap::new();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        with.insert(header::COOKIE, HeaderValue::try_from(format!("other=1; {pair}")).unwrap());
        assert!(gate.may_enter(&with));
        assert!(!cookie.to_str().unwrap().contains("sixteen"));
    }
}
