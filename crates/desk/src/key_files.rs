//! Keys that imagemill keeps for a person: one file a profile, readable by its owner only. The first line is the key, the second
//! `for ADDRESS` names the server it was given for; a key goes nowhere else. A file that a person wrote may have one line only.
//! A file whose first line is `keyring:NAME` stands for the entry of that name in the system's key store, with the same two lines.

use std::io::Write;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::DeskError;
use crate::key_store;

/// Begins the line that binds a key.
const BOUND: &str = "for ";
/// Begins the line that says where the key is instead.
const IN_KEY_STORE: &str = "keyring:";

/// Where a profile's key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file, or in the entry of the system's key store that the file names.
    File(PathBuf),
    /// In this entry of the system's key store, as the profile says.
    KeyStore(String),
}

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

/// The lines that keep `key` for the server of `address`.
fn lines(key: &SecretString, address: &str) -> Result<String, DeskError> {
    let key = key.expose_secret().trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(DeskError::Setting("a key is one line of letters, digits and signs, without spaces".to_owned()));
    }
    let Some(server) = server_of(address) else {
        return Err(DeskError::Setting(
            "a key is kept for one server; give the profile its address (base_url) first".to_owned(),
        ));
    };
    Ok(format!("{key}\n{BOUND}{server}\n"))
}

/// Keeps `key` for the server of `address`; nobody else can read the file at any moment.
pub fn keep_key(path: &Path, key: &SecretString, address: &str) -> Result<(), DeskError> {
    let text = lines(key, address)?;
    if let Some(entry) = named_entry(path) {
        key_store::forget(&entry).map_err(DeskError::Setting)?;
    }
    write_private(path, &text)
}

/// The same in the system's key store; a file at `path` names the entry from then on.
pub fn keep_key_in_store(entry: &str, key: &SecretString, address: &str, path: Option<&Path>) -> Result<(), DeskError> {
    key_store::keep(entry, &lines(key, address)?).map_err(DeskError::Setting)?;
    path.map_or(Ok(()), |path| write_private(path, &format!("{IN_KEY_STORE}{entry}\n")))
}

fn write_private(path: &Path, text: &str) -> Result<(), DeskError> {
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
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    options.open(&draft).and_then(write).and_then(|()| std::fs::rename(&draft, path)).map_err(fault)
}

/// Removes a kept key; whether there was one.
pub fn forget_key(place: &KeyPlace) -> Result<bool, DeskError> {
    let forget = |entry: &str| key_store::forget(entry).map_err(DeskError::Setting);
    let path = match place {
        KeyPlace::KeyStore(entry) => return forget(entry),
        KeyPlace::File(path) => path,
    };
    if let Some(entry) = named_entry(path) {
        forget(&entry)?;
    }
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(DeskError::File { what: "cannot remove the key file", path: path.clone(), source }),
    }
}

/// The entry of the system's key store that a key file names.
pub(crate) fn named_entry(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().strip_prefix(IN_KEY_STORE)?.trim().to_owned())
}

/// The key of a file, and the server it is bound to, or why it may not be used.
pub(crate) fn read_key(path: &Path) -> Result<(SecretString, Option<String>), String> {
    private(path)?;
    if let Some(entry) = named_entry(path) {
        return read_stored_key(&entry).map(|(key, server)| (key, Some(server)));
    }
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("the key file {shown} cannot be read: {error}"))?;
    parse(&text).ok_or_else(|| format!("the first line of the key file {shown} is empty"))
}

/// The key of an entry of the system's key store, and the server that it is bound to. One that some other program put there is
/// bound to none and not used.
pub(crate) fn read_stored_key(entry: &str) -> Result<(SecretString, String), String> {
    let text = key_store::read(entry)?;
    match parse(&text) {
        Some((key, Some(server))) => Ok((key, server)),
        _ => Err(format!(
            "the entry {entry} of the system's key store does not say for which server its key is; give the key again"
        )),
    }
}

fn parse(text: &str) -> Option<(SecretString, Option<String>)> {
    let mut lines = text.lines().map(str::trim);
    let key = lines.next().filter(|line| !line.is_empty())?.to_owned();
    let bound = lines.find_map(|line| line.strip_prefix(BOUND)).map(|server| server.trim().to_owned());
    Some((key.into(), bound))
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
        let place = KeyPlace::File(path);
        assert!(forget_key(&place).unwrap() && !forget_key(&place).unwrap());
    }

    #[cfg(not(feature = "keyring"))]
    #[test]
    fn without_a_key_store_a_sentence_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio");
        let told = keep_key_in_store("studio", &"sk".into(), "https://a.example", Some(&path)).unwrap_err().to_string();
        assert!(told.contains("--features keyring") && told.contains("without --keyring") && !path.exists(), "{told}");
        write_private(&path, "keyring:studio\n").unwrap();
        assert!(read_key(&path).unwrap_err().contains("--features keyring"));
    }

    #[cfg(feature = "keyring")]
    #[test]
    fn a_key_in_the_key_store_says_for_whom_and_a_file_names_it() {
        // The store of this process: no other test here uses one.
        keyring_core::set_default_store(keyring_core::mock::Store::new().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = key_file(&folder.path().join("keys"), "studio");
        assert!(read_stored_key("studio").unwrap_err().contains("no key called studio"));
        keep_key_in_store("studio", &"sk-1".into(), "https://a.example/v1", Some(&path)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "keyring:studio\n", "no key on the disk");
        let (key, bound) = read_key(&path).unwrap();
        assert_eq!((key.expose_secret(), bound.as_deref()), ("sk-1", Some("https://a.example")));
        // A key that is kept in the file from now on is nowhere else.
        keep_key(&path, &"sk-2".into(), "https://a.example").unwrap();
        assert_eq!(read_key(&path).unwrap().0.expose_secret(), "sk-2");
        assert!(read_stored_key("studio").is_err());
        // An entry that some other program wrote is bound to nobody.
        key_store::keep("shared", "sk-3").unwrap();
        assert!(read_stored_key("shared").unwrap_err().contains("for which server"));
        keep_key_in_store("shared", &"sk-4".into(), "https://b.example", None).unwrap();
        let place = KeyPlace::KeyStore("shared".into());
        assert!(forget_key(&place).unwrap() && !forget_key(&place).unwrap());
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
