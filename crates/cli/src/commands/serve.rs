//! `imagemill serve`: the console in the browser and the HTTP API. Runs the workspace's jobs until Ctrl-C; jobs that are open
//! then go on with the next start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use imagemill_desk::{Desk, Workspace};
use imagemill_server::{ServeOptions, Server, ServerError, who_listens};
use secrecy::SecretString;
use serde_json::json;

use crate::cli::ServeArgs;
use crate::context::{Context, early_lang, variable};
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Where it listens when nothing is said.
const PORT: u16 = 12_607;
/// Largest uploaded picture when nothing is said, in bytes.
const MOST_PICTURE_BYTES: u64 = 64 << 20;

/// Serves.
pub(crate) async fn run(context: &Context, args: ServeArgs) -> anyhow::Result<Exit> {
    let options = options(context, &args)?;
    let wanted = options.address;
    let server = match Server::start(options).await {
        Ok(server) => server,
        Err(ServerError::Listen { address, source }) if source.kind() == std::io::ErrorKind::AddrInUse => {
            let text = match who_listens(address) {
                Some((pid, command)) => {
                    say!(context.texts, "serve.busy_by", address = address, pid = pid, command = command)
                }
                None => say!(context.texts, "serve.busy", address = address),
            };
            anyhow::bail!(text);
        }
        Err(error @ (ServerError::NoToken(_) | ServerError::ShortToken | ServerError::Root { .. })) => {
            return Err(Quit::usage(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let address = server.address();
    let url = format!("http://{}", if wanted.ip().is_unspecified() { local(address) } else { address });
    let (texts, printer) = (&context.texts, &context.printer);
    printer.line(say!(texts, "serve.serves", url = printer.paint(Tone::Bold, &url)));
    if let Some(owner) = server.other_owner().await {
        printer.line(say!(texts, "serve.other_owner", owner = owner));
    }
    printer.json(&json!({ "url": url, "port": address.port() }));
    if args.open {
        open(&url);
    }
    until_asked_to_end().await;
    printer.note(say!(texts, "serve.draining"));
    let engine = server.engine().await;
    let again = async {
        until_asked_to_end().await;
        if let Some(engine) = engine {
            engine.stop().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = server.drain(|answers| context.held(answers)) => {}
        () = again => {}
    }
    Ok(Exit::Ok)
}

fn local(address: SocketAddr) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
}

fn options(context: &Context, args: &ServeArgs) -> anyhow::Result<ServeOptions> {
    let set = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let yes =
        |name: &str| set(name).is_some_and(|word| ["1", "true", "yes", "on"].contains(&word.to_lowercase().as_str()));
    let number = |name: &str| -> anyhow::Result<Option<u64>> {
        let parse = |text: String| {
            let bad = || Quit::usage(format!("{name} must be a whole number, and is {text:?}"));
            text.parse().map_err(|_| bad())
        };
        set(name).map(parse).transpose()
    };
    let host = args.host.clone().or_else(|| set("HOST"));
    let port = match (args.port, number("PORT")?) {
        (Some(port), _) => port,
        (None, Some(port)) => u16::try_from(port).map_err(|_| Quit::usage(format!("PORT {port} is no port")))?,
        (None, None) => PORT,
    };
    let token_file = args.token_file.clone().or_else(|| set("IMAGEMILL_TOKEN_FILE").map(Into::into));
    let token = token_file.as_deref().map(|path| token(&context.desk.current.join(path))).transpose()?;
    let (workspace, current) = (context.desk.workspace.clone(), context.desk.current.clone());
    let load = move || Desk::load(Workspace::clone(&workspace), current.clone(), &variable, None);
    Ok(ServeOptions {
        address: SocketAddr::new(ip(host.as_deref())?, port),
        token,
        allowed_origins: set("ALLOWED_ORIGINS")
            .map(|text| {
                text.split(',').map(|origin| origin.trim().to_owned()).filter(|text| !text.is_empty()).collect()
            })
            .unwrap_or_default(),
        raw_for_all: args.raw_for_all || yes("ALLOW_REMOTE_DEBUG_LOG_API"),
        roots: args.root.clone(),
        max_picture_bytes: number("MAX_SOURCE_IMAGE_BYTES")?.unwrap_or(MOST_PICTURE_BYTES),
        export_secrets: yes("EXPORT_INCLUDE_SECRETS"),
        lang: context.desk.config.lang.unwrap_or_else(|| early_lang(None)),
        load: Arc::new(load),
    })
}

fn ip(host: Option<&str>) -> anyhow::Result<IpAddr> {
    let Some(host) = host else { return Ok(Ipv4Addr::LOCALHOST.into()) };
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(address);
    }
    let found = (host, 0).to_socket_addrs().ok().and_then(|mut all| all.next());
    found.map(|address| address.ip()).ok_or_else(|| Quit::usage(format!("{host} is no address of this machine")))
}

/// The first line of a file that only its owner reads.
fn token(path: &Path) -> anyhow::Result<SecretString> {
    imagemill_desk::secret_file(&imagemill_desk::config::expand_home(&path.to_string_lossy())).map_err(Quit::usage)
}

/// Shows the page; a machine without a browser is no error.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let opened = std::process::Command::new(program)
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if let Err(error) = opened {
        tracing::info!(%error, program, "no browser could be opened");
    }
}

async fn until_asked_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Without signals there is nothing to wait for.
    let _ = tokio::signal::ctrl_c().await;
}
