//! Who listens on a port that is wanted. Linux says it in /proc; elsewhere nobody is named. Stops nothing.

use std::net::SocketAddr;
use std::path::Path;

/// The process that listens there, as far as this user may see it: number and command line.
pub fn who_listens(address: SocketAddr) -> Option<(u32, String)> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| listening(table, address.port()))?;
    let wanted = format!("socket:[{inode}]");
    std::fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let sockets = std::fs::read_dir(entry.path().join("fd")).ok()?;
        let holds = sockets
            .filter_map(Result::ok)
            .any(|socket| std::fs::read_link(socket.path()).is_ok_and(|link| link == Path::new(&wanted)));
        holds.then(|| (pid, command_of(&entry.path())))
    })
}

fn command_of(process: &Path) -> String {
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let text = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// The inode of the socket that listens on `port`. A line is `sl local rem st …`; state 0A is LISTEN, the tenth word the inode.
fn listening(table: &str, port: u16) -> Option<u64> {
    let text = std::fs::read_to_string(table).ok()?;
    text.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let local = u16::from_str_radix(words.get(1)?.rsplit(':').next()?, 16).ok()?;
        (local == port && *words.get(3)? == "0A").then(|| words.get(9)?.parse().ok())?
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (pid, command) = who_listens(listener.local_addr().unwrap()).unwrap();
        assert_eq!(pid, std::process::id());
        assert!(!command.is_empty());
    }
}
