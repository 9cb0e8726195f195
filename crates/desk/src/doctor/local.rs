//! This machine: folder, disk, database, limits, settings.

use std::io::Write;
use std::path::Path;

use super::{Check, Finding, Level};
use crate::desk::Desk;
use crate::workspace::Workspace;

/// Less room than this is worth a word, and less than the other stops a run.
const LITTLE_BYTES: u64 = 2 << 30;
const TOO_LITTLE_BYTES: u64 = 128 << 20;
/// A run with many calls at once needs some hundred files.
const FEW_FILES: u64 = 1_024;

/// The variables the HTTP client obeys.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

pub(super) async fn examine(desk: &Desk) -> Vec<Finding> {
    let mut findings = vec![workspace(&desk.workspace)];
    findings.extend(space(&desk.workspace));
    findings.push(database(desk).await);
    findings.extend(open_files());
    findings.push(settings(desk));
    findings.extend(proxy(&|name| std::env::var(name).ok()));
    findings
}

/// The nearest folder that exists.
fn standing(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder)
}

fn workspace(workspace: &Workspace) -> Finding {
    let folder = standing(&workspace.state()).to_owned();
    let probe = folder.join(format!(".imagemill-doctor-{}", std::process::id()));
    let written =
        std::fs::File::create(&probe).and_then(|mut file| file.write_all(b"x").and_then(|()| file.sync_all()));
    // It may not have been made.
    let _ = std::fs::remove_file(&probe);
    match (written, workspace.exists()) {
        (Ok(()), true) => Finding::good(Check::Workspace, format!("{} can be written", workspace.root.display())),
        (Ok(()), false) => Finding::good(
            Check::Workspace,
            format!("no job was ever run in {}; the folder can be written", workspace.root.display()),
        ),
        (Err(error), _) => {
            Finding::new(Check::Workspace, Level::Broken, format!("{} cannot be written: {error}", folder.display()))
                .fix("Make the folder writable, or choose another one with --workspace DIR.")
        }
    }
}

fn space(workspace: &Workspace) -> Option<Finding> {
    let stat = rustix::fs::statvfs(standing(&workspace.state())).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let told = format!("{} free on the disk of the workspace", size(free));
    let fix = "Free some space: `imagemill gc` shows files that no job needs; a workspace on another disk is chosen with --workspace DIR.";
    Some(match free {
        0..TOO_LITTLE_BYTES => Finding::new(Check::Space, Level::Broken, told).fix(fix),
        TOO_LITTLE_BYTES..LITTLE_BYTES => Finding::new(Check::Space, Level::Note, told).fix(fix),
        _ => Finding::good(Check::Space, told),
    })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x2_8000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

async fn database(desk: &Desk) -> Finding {
    let broken = |message: String| Finding::new(Check::Database, Level::Broken, message);
    let store = match desk.reading_store().await {
        Ok(None) => return Finding::good(Check::Database, "there is no database yet; the first run makes one"),
        Ok(Some(store)) => store,
        // The sentence of the store says what to do.
        Err(error) => return broken(error.to_string()),
    };
    let health = store.health().await;
    store.close().await;
    match health {
        Ok(health) => match health.complaint {
            None => Finding::good(
                Check::Database,
                format!("the database is sound: {}, schema {}", size(health.bytes), health.version),
            ),
            Some(complaint) => broken(format!("the database is damaged: {complaint}")).fix(
                "Copy the folder .imagemill away before anything else; then restore a backup, or start a new workspace: the pictures are in .imagemill/files.",
            ),
        },
        Err(error) => broken(error.to_string()),
    }
}

/// Linux tells in a file; elsewhere nothing is said.
fn open_files() -> Option<Finding> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let most: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
    let told = format!("{most} files may be open at once");
    Some(if most < FEW_FILES {
        Finding::new(Check::OpenFiles, Level::Warning, told).fix("Raise the limit before a large run: ulimit -n 4096")
    } else {
        Finding::good(Check::OpenFiles, told)
    })
}

fn settings(desk: &Desk) -> Finding {
    match desk.config.unknown_keys.first() {
        None => Finding::good(Check::Settings, format!("profiles known: {}", desk.config.profiles.len())),
        Some((file, key)) => {
            Finding::new(Check::Settings, Level::Warning, format!("{}: the key {key} is not known", file.display()))
                .fix("Correct or remove it; `imagemill config show` lists the keys in force.")
        }
    }
}

fn proxy(variable: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    let set = PROXIES.into_iter().find(|name| variable(name).is_some_and(|value| !value.is_empty()))?;
    Some(
        Finding::new(Check::Proxy, Level::Note, format!("{set} is set: requests go through that proxy"))
            .fix("Hosts that must be called directly belong into NO_PROXY."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_and_its_address_is_not() {
        let set = |name: &str| (name == "HTTPS_PROXY").then(|| "http://user:secret@proxy:3128".to_owned());
        let finding = proxy(&set).unwrap();
        assert!(finding.message.contains("HTTPS_PROXY") && !format!("{finding:?}").contains("secret"));
        assert_eq!(proxy(&|_| Some(String::new())), None);
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!([size(96 << 10), size(5 << 20), size(12 << 30)], ["96 KiB", "5 MiB", "12 GiB"]);
    }
}
