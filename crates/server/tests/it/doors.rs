//! Who is not let in, and what is not taken.

use std::convert::Infallible;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use crate::world::World;

const TOKEN: &str = "a token of many letters";

fn with_token(options: &mut imagemill_server::ServeOptions) {
    options.token = Some(SecretString::from(TOKEN));
}

#[tokio::test]
async fn a_foreign_page_and_a_foreign_name_are_refused() {
    let world = World::with(|options| options.allowed_origins = vec!["https://studio.example".into()]).await;
    let get = |name, value| world.request(Method::GET, "/jobs").header(name, value);
    world.send(Method::GET, "/jobs", get("origin", "https://evil.example")).await.refused(403, "foreign_origin");
    world.send(Method::GET, "/jobs", get("origin", "null")).await.refused(403, "foreign_origin");
    world.send(Method::GET, "/jobs", get("host", "evil.example")).await.refused(421, "foreign_host");
    world.send(Method::GET, "/jobs", get("sec-fetch-site", "cross-site")).await.refused(403, "foreign_origin");
    let own = format!("http://127.0.0.1:{}", world.server.address().port());
    world.send(Method::GET, "/jobs", get("origin", &own)).await.ok();
    let answer = get("origin", "https://studio.example").send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://studio.example");
    let page = world.http.get(format!("{own}/")).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let tag = page.headers()["etag"].clone();
    let again = world.http.get(format!("{own}/")).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let world = World::with(with_token).await;
    for path in ["/jobs", "/about", "/events", "/openapi.json", "/pictures/00"] {
        world.get(path).await.refused(401, "unauthorized");
    }
    let bearer = |token: &str| world.request(Method::GET, "/jobs").bearer_auth(token.to_owned());
    world.send(Method::GET, "/jobs", bearer("a token of many letterz")).await.refused(401, "unauthorized");
    world.send(Method::GET, "/jobs", bearer(TOKEN)).await.ok();
    world.post("/session", json!({"token": "wrong"})).await.refused(401, "unauthorized");
    let answer = world.request(Method::POST, "/session").json(&json!({"token": TOKEN})).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    world.send(Method::GET, "/jobs", world.request(Method::GET, "/jobs").header("cookie", cookie)).await.ok();
    let log = std::fs::read_to_string(world.folder.path().join(".imagemill/audit.jsonl")).unwrap();
    assert!(log.contains("/session") && !log.contains(TOKEN), "{log}");
}

#[tokio::test]
async fn other_machines_need_a_token() {
    let folder = imagemill_testkit::TempWorkspace::new();
    let root = folder.path().to_path_buf();
    let options = |token: Option<&str>| imagemill_server::ServeOptions {
        address: "0.0.0.0:0".parse().unwrap(),
        token: token.map(SecretString::from),
        allowed_origins: Vec::new(),
        raw_for_all: false,
        roots: Vec::new(),
        max_picture_bytes: 1 << 20,
        export_secrets: false,
        lang: imagemill_desk::Lang::En,
        load: std::sync::Arc::new({
            let root = root.clone();
            move || {
                imagemill_desk::Desk::load(
                    imagemill_desk::Workspace { root: root.clone() },
                    root.clone(),
                    &|_| None,
                    None,
                )
            }
        }),
    };
    for token in [None, Some("too short")] {
        let Err(error) = imagemill_server::Server::start(options(token)).await else { panic!("it started") };
        assert!(error.to_string().contains("token"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_for_others_names_no_folder_outside() {
    let world = World::with(|options| {
        with_token(options);
        options.address = "0.0.0.0:0".parse().unwrap();
    })
    .await;
    world.photos(2);
    let send = |method: Method, path: &'static str, body: Option<serde_json::Value>| {
        let request = world.request(method.clone(), path).bearer_auth(TOKEN);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        world.send(method, path, request)
    };
    let job = |path: &str| json!({"job": {"recipe": "edit", "prompt": "x", "profile": "simulator", "source": {"paths": [path]}}});
    send(Method::POST, "/plans", Some(job("photos"))).await.ok();
    for path in ["/etc", "../", "photos/../../x", "/usr/share/*.png", "~/x"] {
        send(Method::POST, "/plans", Some(job(path))).await.refused(403, "outside");
    }
    #[cfg(unix)]
    {
        let outside = imagemill_testkit::TempWorkspace::new();
        outside.write("secret.png", imagemill_testkit::pictures::png(9, 20, 20));
        std::os::unix::fs::symlink(outside.path().join("secret.png"), world.folder.path().join("photos/link.png"))
            .unwrap();
        send(Method::POST, "/plans", Some(job("photos"))).await.refused(403, "outside");
        std::fs::remove_file(world.folder.path().join("photos/link.png")).unwrap();
    }
    send(Method::POST, "/plans", Some(job("upload:../../etc"))).await.refused(404, "not_found");
    send(Method::GET, "/folders?path=/etc", None).await.refused(403, "outside");
    for file in ["/etc/rubric.toml", "../rubric.toml"] {
        let critique = json!({"job": {"recipe": "critique", "profile": "simulator", "source": {"paths": ["photos"]},
            "critique": {"rubric": file}}});
        send(Method::POST, "/plans", Some(critique)).await.refused(403, "outside");
        let check = json!({"files": [], "rubric": "korean", "gate": file});
        send(Method::POST, "/critiques/check", Some(check)).await.refused(403, "outside");
    }
    assert_eq!(send(Method::GET, "/folders", None).await.ok()["parent"], json!(null));
    let mut body = job("photos");
    body["name"] = "in".into();
    send(Method::POST, "/jobs", Some(body)).await.ok();
    send(Method::POST, "/jobs/in/save", Some(json!({"rule": {}, "folder": "/tmp/elsewhere"})))
        .await
        .refused(403, "outside");
    send(Method::POST, "/jobs/in/save", Some(json!({"rule": {}, "folder": ".imagemill/x"})))
        .await
        .refused(400, "usage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_texts_and_the_log_are_for_this_machine() {
    let world = World::new().await;
    world.generated("one", 1).await;
    let through = |path: &str| world.request(Method::GET, path).header("x-forwarded-for", "203.0.113.9");
    let story = world.send(Method::GET, "/tasks/1", through("/tasks/1")).await.ok();
    assert_eq!((&story["raw_allowed"], &story["calls"][0]["request"]), (&false.into(), &json!(null)));
    world.send(Method::GET, "/logs", through("/logs")).await.refused(403, "local_only");
    world.get("/logs").await.ok();
    let open = World::with(|options| options.raw_for_all = true).await;
    open.send(Method::GET, "/logs", open.request(Method::GET, "/logs").header("forwarded", "for=203.0.113.9"))
        .await
        .ok();
}

#[tokio::test]
async fn paths_do_not_lead_out_of_the_console() {
    let world = World::new().await;
    let base = format!("127.0.0.1:{}", world.server.address().port());
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd.txt",
        "/vendor/../../Cargo.toml",
        "/package.json",
        "//etc/passwd.x",
    ] {
        // As typed: a client library would tidy the path.
        let answer = raw_get(&base, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"),
            "{path}: {}",
            &answer[..60.min(answer.len())]
        );
        assert!(!answer.contains("[workspace]") && !answer.contains("root:"), "{path}");
    }
}

async fn raw_get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Resident memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_is_refused_without_holding_it() {
    let world = World::new().await;
    let before = resident();
    let piece = bytes::Bytes::from(vec![0u8; 1 << 20]);
    let zeros = futures_util::stream::iter((0..1_024).map(move |_| Ok::<_, Infallible>(piece.clone())));
    let part = reqwest::multipart::Part::stream(reqwest::Body::wrap_stream(zeros)).file_name("zeros.png");
    let request =
        world.request(Method::POST, "/uploads").multipart(reqwest::multipart::Form::new().part("files", part));
    // The server answers and closes before everything was sent, so the client may see either.
    match tokio::time::timeout(Duration::from_secs(60), request.send()).await.unwrap() {
        Ok(answer) => assert_eq!(answer.status().as_u16(), 413),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
    }
    assert!(resident() - before < 64 << 20, "{} MB more", (resident() - before) >> 20);
    let left = std::fs::read_dir(world.folder.path().join(".imagemill/uploads")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing of it stays");
    let long = "x".repeat(3 << 20);
    let big = world.post("/reviews", json!({"reviewer": "ann", "changes": [], "more": long})).await;
    big.refused(413, "too_large");
}
