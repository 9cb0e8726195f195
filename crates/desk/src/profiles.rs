//! Which profile a job calls with, and its secret. Secrets are read here and nowhere else, and only when a call is near.

use std::path::{Path, PathBuf};

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job_file::nearest;
use imagemill_domain::profile::{Credential, Profile};
use secrecy::SecretString;

use crate::config::{Config, Origin, built_in_profile, known_profiles};
use crate::desk::{Desk, user_file};
use crate::error::DeskError;
use crate::key_files::{KeyPlace, key_file, read_key, read_stored_key, server_of};

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
    read_credential(profile).map_err(|failure| DeskError::NoCredential { profile: profile.name.clone(), failure })
}

/// Reads a profile's secret. `None` when it sends none. A key that was given for one server is not read for another.
pub fn read_credential(profile: &Profile) -> Result<Option<SecretString>, Failure> {
    let auth = |message: String| Failure::new(FailureKind::Auth, message);
    let (key, bound) = match &profile.credential {
        Credential::None => return Ok(None),
        Credential::Env(name) => return key_of_variable(name).map(Some),
        Credential::File(path) => read_key(&crate::config::expand_home(path)).map_err(auth)?,
        Credential::Keyring(entry) => {
            let (key, server) = read_stored_key(entry).map_err(|why| {
                auth(format!("{why}; its key is given with: imagemill profiles login {}", profile.name))
            })?;
            (key, Some(server))
        }
    };
    let Some(bound) = bound else { return Ok(Some(key)) };
    let server = server_of(&profile.base_url).unwrap_or_default();
    if bound == server {
        return Ok(Some(key));
    }
    Err(auth(format!(
        "its key was given for {bound} and is not sent to {server}; if that is the right server, give its key: imagemill profiles login {}",
        profile.name
    )))
}

/// A key that stands in an environment variable.
pub(crate) fn key_of_variable(name: &str) -> Result<SecretString, Failure> {
    match std::env::var(name) {
        Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_owned().into()),
        _ => Err(Failure::new(
            FailureKind::Auth,
            format!("the environment variable {name}, which holds the key, is not set"),
        )),
    }
}

/// The secret in the first line of a file that only its owner reads.
pub fn secret_file(path: &Path) -> Result<SecretString, String> {
    read_key(path).map(|(secret, _)| secret)
}

/// What `profiles login` works on: the profile and the place of its key.
pub fn login_of(
    desk: &Desk,
    variable: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<(Profile, KeyPlace), DeskError> {
    let profile = match desk.config.profiles.get(name) {
        Some(profile) => profile.clone(),
        None => match built_in_profile(name, variable) {
            Some(profile) => profile,
            None => choose(&desk.config, Some(name))?,
        },
    };
    if let Credential::Keyring(entry) = &profile.credential {
        let entry = entry.clone();
        return Ok((profile, KeyPlace::KeyStore(entry)));
    }
    let yours = user_file(variable).and_then(|file| Some(key_file(&file.parent()?.join("keys"), name)));
    let typed = key_file(&desk.workspace.keys(), name);
    let takes = |file: &PathBuf| profile.credential == Credential::File(file.to_string_lossy().into_owned());
    if let Some(file) = [Some(&typed), yours.as_ref()].into_iter().flatten().find(|file| takes(file)) {
        return Ok((profile.clone(), KeyPlace::File(file.clone())));
    }
    let setting = desk.config.settings.get(["profiles", name, "credential"].map(str::to_owned).as_slice());
    if let Some(Origin::File(file)) = setting.map(|setting| &setting.origin) {
        return Err(DeskError::Setting(format!(
            "the profile {name} takes its key from elsewhere, as {} says; remove its `credential` there first",
            file.display()
        )));
    }
    let file = yours.ok_or_else(|| {
        DeskError::Setting("there is no place for your keys: neither HOME nor XDG_CONFIG_HOME is set".to_owned())
    })?;
    Ok((profile, KeyPlace::File(file)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::key_files::keep_key;

    #[cfg(unix)]
    #[test]
    fn a_key_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-test \nnot this\n").unwrap();
        let mut profile = Profile {
            name: "p".into(),
            base_url: "https://a.example/v1".into(),
            credential: Credential::File(path.display().to_string()),
            ..Profile::default()
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let failure = read_credential(&profile).unwrap_err();
        assert!(failure.message.contains("chmod 600") && failure.kind == FailureKind::Auth);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_credential(&profile).unwrap().unwrap().expose_secret(), "sk-test");
        keep_key(&path, &"sk-bound".into(), "https://a.example").unwrap();
        assert_eq!(read_credential(&profile).unwrap().unwrap().expose_secret(), "sk-bound");
        for other in ["https://b.example/v1", "http://a.example/v1", "https://a.example:444/v1", ""] {
            profile.base_url = other.into();
            let failure = read_credential(&profile).unwrap_err();
            assert!(failure.message.contains("profiles login p") && failure.kind == FailureKind::Auth, "{other}");
        }
        std::fs::write(&path, "\nsk").unwrap();
        assert!(read_credential(&profile).unwrap_err().message.contains("first line"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let mut profile =
            Profile { credential: Credential::Env("IMAGEMILL_TEST_NO_SUCH".into()), ..Profile::default() };
        assert!(read_credential(&profile).unwrap_err().message.contains("IMAGEMILL_TEST_NO_SUCH"));
        profile.credential = Credential::None;
        assert!(read_credential(&profile).unwrap().is_none());
    }
}
