//! Which profile a job calls with, and its secret. Secrets are read here and nowhere else, and only when a call is near.

use std::path::Path;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job_file::nearest;
use imagemill_domain::profile::{Credential, Profile};
use secrecy::SecretString;

use crate::config::{Config, known_profiles};
use crate::error::DeskError;

/// Provider name of the built-in simulator.
pub const SIMULATOR: &str = "simulator";

/// The profile to use: the one named, else the configuration's default, else the first that is ready.
pub fn choose(config: &Config, named: Option<&str>) -> Result<Profile, DeskError> {
    let name = named
        .or(config.default_profile.as_deref())
        .or_else(|| config.ready.first().map(String::as_str))
        .ok_or_else(|| DeskError::NoProfile { variables: variables() })?;
    if let Some(profile) = config.profiles.get(name) {
        return Ok(profile.clone());
    }
    if let Some((name, needs)) = known_profiles().into_iter().find(|(known, _)| known == name) {
        return Err(DeskError::ProfileNeeds { name, variables: needs.join(", ") });
    }
    let known: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
    Err(DeskError::UnknownProfile {
        near: nearest(name, known.iter().copied()).map(str::to_owned),
        name: name.to_owned(),
        known: known.join(", "),
    })
}

/// The variables that make built-in profiles appear, for the error when none is set.
fn variables() -> String {
    let needs = known_profiles().into_iter().filter(|(_, needs)| !needs.is_empty());
    needs.map(|(_, needs)| needs.join(" + ")).collect::<Vec<_>>().join(", ")
}

/// A profile's secret, or the sentence that says why it cannot be called.
pub fn credential(profile: &Profile) -> Result<Option<SecretString>, DeskError> {
    read_credential(&profile.credential)
        .map_err(|failure| DeskError::NoCredential { profile: profile.name.clone(), failure })
}

/// Reads a secret. `None` when the profile sends none.
pub fn read_credential(credential: &Credential) -> Result<Option<SecretString>, Failure> {
    let auth = |message: String| Failure::new(FailureKind::Auth, message);
    match credential {
        Credential::None => Ok(None),
        Credential::Env(name) => match std::env::var(name) {
            Ok(value) if !value.trim().is_empty() => Ok(Some(value.trim().to_owned().into())),
            _ => Err(auth(format!("the environment variable {name}, which holds the key, is not set"))),
        },
        Credential::File(path) => {
            let path = crate::config::expand_home(path);
            private(&path).map_err(&auth)?;
            let text = std::fs::read_to_string(&path)
                .map_err(|error| auth(format!("the key file {} cannot be read: {error}", path.display())))?;
            match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
                Some(line) => Ok(Some(line.to_owned().into())),
                None => Err(auth(format!("the first line of the key file {} is empty", path.display()))),
            }
        }
    }
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
    use secrecy::ExposeSecret;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_key_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-test \nnot this\n").unwrap();
        let credential = Credential::File(path.display().to_string());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let failure = read_credential(&credential).unwrap_err();
        assert!(failure.message.contains("chmod 600") && failure.kind == FailureKind::Auth);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_credential(&credential).unwrap().unwrap().expose_secret(), "sk-test");
        std::fs::write(&path, "\nsk").unwrap();
        assert!(read_credential(&credential).unwrap_err().message.contains("first line"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let failure = read_credential(&Credential::Env("IMAGEMILL_TEST_NO_SUCH".into())).unwrap_err();
        assert!(failure.message.contains("IMAGEMILL_TEST_NO_SUCH"));
        assert!(read_credential(&Credential::None).unwrap().is_none());
    }
}
