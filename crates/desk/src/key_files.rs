//! Keys that imagemill keeps for a person: one file a profile, readable by its owner only. The first line is the key, the second
//! `for ADDRESS` names the server it was given for; a key goes nowhere else. A file that a person wrote may have one line only.

use std::io::Write;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::DeskError;

/// Begins the line that binds a key.
const BOUND: &str = "for ";

/// The file of a profile's key in a folder of keys. Two names never share one.
pub fn key_file(folder: &Path, profile: &str) -> PathBuf {
    let name = profile.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    });
    folder.join(name.collect::<String>())
}

/// Scheme, host and port of an address: what a key is bound to.
pub fn server_of(address: &str) -> Option<String> {
    let origin = Url::parse(address).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Keeps `key` for the server of `address`; nobody else can read the file at any moment.
pub fn keep_key(path: &Path, key: &SecretString, address: &str) -> Result<(), DeskError> {
    let key = key.expose_secret().trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(DeskError::Setting("a key is one line of letters, digits and signs, without spaces".to_owned()));
    }
    let Some(server) = server_of(address) else {
        return Err(DeskError::Setting(
            "a key is kept for one server; give the profile its address (base_url) first".to_owned(),
        ));
    };
    let fault = |source| DeskError::File { what: "cannot write the key file", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fault)?;
    let draft = path.with_extension("part");
    let _ = std::fs::remove_file(&draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = |mut file: std::fs::File| {
        writeln!(file, "{key}\n{BOUND}{server}")?;
        file.sync_all()
    };
    options.open(&draft).and_then(write).and_then(|()| std::fs::rename(&draft, path)).map_err(fault)
}

/// Removes a kept key; whether there was one.
pub fn forget_key(path: &Path) -> Result<bool, DeskError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(DeskError::File { what: "cannot remove the key file", path: path.to_owned(), source }),
    }
}

/// The key of a file, and the server it is bound to, or why it may not be used.
pub(crate) fn read_key(path: &Path) -> Result<(SecretString, Option<String>), String> {
    let shown = path.display();
    private(path)?;
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("the key file {shown} cannot be read: {error}"))?;
    let mut lines = text.lines().map(str::trim);
    let key = lines.next().filter(|line| !line.is_empty());
    let Some(key) = key else { return Err(format!("the first line of the key file {shown} is empty")) };
    let bound = lines.find_map(|line| line.strip_prefix(BOUND)).map(|server| server.trim().to_owned());
    Ok((key.to_owned().into(), bound))
}

/// Refuses a key file that others may read.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(facts) if facts.mode() & 0o077 != 0 => Err(format!(
            "the key file {} can be read by others (mode {:o}); run: chmod 600 {}",
            path.display(),
            facts.mode() & 0o777,
            path.display()
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the key file {} cannot be read: {error}", path.display())),
    }
}

/// Other systems have no such bits to check.
#[cfg(not(unix))]
fn private(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_says_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = key_file(&folder.path().join("keys"), "my studio");
        keep_key(&path, &"sk-1".into(), "https://a.example/v1").unwrap();
        keep_key(&path, &"sk-2\n".into(), "https://a.example:8443/v1/images").unwrap();
        let (key, bound) = read_key(&path).unwrap();
        assert_eq!((key.expose_secret(), bound.as_deref()), ("sk-2", Some("https://a.example:8443")));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        for bad in ["", "two\nlines", "a b"] {
            assert!(keep_key(&path, &bad.into(), "https://a.example").is_err(), "{bad:?}");
        }
        assert!(keep_key(&path, &"sk".into(), "").unwrap_err().to_string().contains("base_url"));
        assert!(forget_key(&path).unwrap() && !forget_key(&path).unwrap());
    }

    #[test]
    fn names_of_profiles_share_no_file_and_leave_no_folder() {
        let files: std::collections::BTreeSet<PathBuf> =
            ["a.b", "a_b", "a b", "../a", "甲"].iter().map(|name| key_file(Path::new("keys"), name)).collect();
        assert_eq!(files.len(), 5);
        assert!(files.iter().all(|file| file.parent() == Some(Path::new("keys"))));
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| server_of(a) == server_of(b);
        assert!(same("https://API.a.example/v1", "https://api.a.example:443/v2/images"));
        assert!(!same("https://a.example", "http://a.example") && !same("https://a.example", "https://a.example.evil"));
        assert!(!same("https://a.example", "https://a.example@evil.example"));
        assert_eq!((server_of(""), server_of("nonsense")), (None, None));
    }
}
