//! Each profile: secret, server, clock, key, model. Only questions that cost nothing.

use std::collections::BTreeSet;

use imagemill_domain::capability::{Capabilities, CapabilityTable};
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job::JobState;
use imagemill_domain::job_file::nearest;
use imagemill_domain::profile::{Credential, Profile};
use imagemill_providers::Registry;
use secrecy::SecretString;

use super::{Check, Examination, Finding, Level};
use crate::clock::now_us;
use crate::config::{built_in_profile, expand_home, known_profiles};
use crate::desk::Desk;
use crate::key_files::{named_entry, server_of};
use crate::profiles::{SIMULATOR, choose, read_credential};

/// A clock that is further off makes signed links and certificates fail.
const CLOCK_OFF_US: i64 = 90_000_000;
/// The most that one question to a server may take.
const LONGEST_WAIT_MS: u64 = 15_000;

pub(super) async fn examine(desk: &Desk, examination: &Examination) -> Vec<Finding> {
    let named = examination.profile.as_deref();
    let chosen = match (named, choose(&desk.config, named)) {
        (_, Ok(profile)) => Some(profile),
        (Some(_), Err(error)) => {
            return vec![Finding::new(Check::Settings, Level::Broken, error.to_string())];
        }
        (None, Err(_)) => None,
    };
    let needed = needed(desk, chosen.as_ref()).await;
    let wanted = desk.config.profiles.values().filter(|profile| named.is_none_or(|named| profile.name == named));
    let table = match desk.capabilities() {
        Ok(table) => table,
        Err(error) => return vec![Finding::new(Check::Settings, Level::Broken, error.to_string())],
    };
    let registry = Registry::new();
    let mut findings = Vec::new();
    for profile in wanted {
        let profile = &impatient(profile);
        let broken = if needed.contains(&profile.name) { Level::Broken } else { Level::Warning };
        let patient = Patient { profile, registry: &registry, table: &table, broken };
        findings.extend(patient.examine(examination.offline).await.into_iter().map(|found| found.of(&profile.name)));
    }
    findings
}

/// Profiles that something depends on: the one that is chosen unasked, and those of open jobs.
async fn needed(desk: &Desk, chosen: Option<&Profile>) -> BTreeSet<String> {
    let mut needed: BTreeSet<String> = chosen.map(|profile| profile.name.clone()).into_iter().collect();
    // What keeps the store from being read is told by the check of the database.
    let Ok(Some(store)) = desk.reading_store().await else { return needed };
    for job in store.jobs().list().await.unwrap_or_default() {
        if matches!(job.state, JobState::Active | JobState::Paused | JobState::Submitting) {
            needed.extend(job.definition.profiles().into_iter().map(|profile| profile.name.clone()));
        }
    }
    store.close().await;
    needed
}

/// Nobody waits for a doctor as long as for a picture.
fn impatient(profile: &Profile) -> Profile {
    let mut quick = profile.clone();
    let times = &mut quick.timeouts;
    for time in [&mut times.connect_ms, &mut times.first_byte_ms, &mut times.idle_ms, &mut times.total_ms] {
        *time = (*time).min(LONGEST_WAIT_MS);
    }
    quick
}

struct Patient<'a> {
    profile: &'a Profile,
    registry: &'a Registry,
    table: &'a CapabilityTable,
    /// How bad it is when it cannot be called.
    broken: Level,
}

impl Patient<'_> {
    async fn examine(&self, offline: bool) -> Vec<Finding> {
        let profile = self.profile;
        let entry = self.table.find(&profile.provider, &profile.model);
        if profile.provider == SIMULATOR && profile.base_url.is_empty() {
            return vec![Finding::good(Check::Server, "the offline provider in this program: nothing to check")];
        }
        let mut findings = Vec::new();
        let secret = match read_credential(profile) {
            Ok(secret) => {
                findings.push(Finding::good(Check::Credential, credential(&profile.credential)));
                findings.extend(goes_elsewhere(profile, &|name| std::env::var(name).ok()));
                Some(secret)
            }
            Err(failure) => {
                findings
                    .push(Finding::new(Check::Credential, self.broken, failure.message).fix(self.fix_of_credential()));
                None
            }
        };
        if offline {
            findings.push(Finding::new(Check::Server, Level::Note, "the server was not asked (--offline)"));
            findings.extend(self.entry(entry));
            return findings;
        }
        let reached = self.server(&mut findings).await;
        if let (true, Some(secret)) = (reached, secret) {
            self.key(&mut findings, entry, secret).await;
        }
        findings.extend(self.entry(entry));
        findings
    }

    fn fix_of_credential(&self) -> String {
        match &self.profile.credential {
            Credential::Env(name) => format!("export {name}=…, in the shell that runs imagemill."),
            Credential::Keyring(_) => format!("imagemill profiles login {}", self.profile.name),
            Credential::File(path) if named_entry(&expand_home(path)).is_some() => {
                format!("imagemill profiles login {}", self.profile.name)
            }
            _ => {
                "Write the key into the first line of that file, and let only yourself read it (chmod 600).".to_owned()
            }
        }
    }

    /// Whether the server answers; its clock beside ours.
    async fn server(&self, findings: &mut Vec<Finding>) -> bool {
        match self.registry.reach(self.profile).await {
            Ok(reached) => {
                let took = reached.took.as_millis();
                findings.push(Finding::good(Check::Server, format!("{} answers in {took} ms", self.profile.base_url)));
                findings.extend(reached.clock_us.map(|clock_us| clock(now_us() - clock_us)));
                true
            }
            Err(failure) => {
                let fix = fix_of_server(&failure);
                let found = Finding::new(Check::Server, self.broken, failure.message);
                findings.push(found.fix(fix));
                false
            }
        }
    }

    /// Whether the key is accepted, by the list of models, which is free everywhere.
    async fn key(&self, findings: &mut Vec<Finding>, entry: Option<&Capabilities>, secret: Option<SecretString>) {
        let knows_images = entry.is_some_and(Capabilities::knows_images);
        let has_key = secret.is_some();
        match self.listed(knows_images, secret).await {
            Ok(models) => {
                let open = has_key && self.listed(knows_images, None).await.is_ok();
                findings.push(if open {
                    let told = "the server lists its models without a key, too, so nothing free tells whether the key is right";
                    Finding::new(Check::Key, Level::Note, told).fix(self.paid_probe())
                } else {
                    Finding::good(Check::Key, "the key is accepted")
                });
                if !models.is_empty() {
                    findings.push(self.model(&models));
                }
            }
            Err(failure) if failure.kind.pauses_profile() => {
                let found = Finding::new(Check::Key, self.broken, failure.message);
                findings
                    .push(found.fix("Set a key that is valid for this provider and has credit, then run this again."));
            }
            Err(failure) => {
                let found =
                    Finding::new(Check::Key, Level::Note, format!("the key could not be checked: {}", failure.message));
                findings.push(found.fix(self.paid_probe()));
            }
        }
    }

    async fn listed(&self, knows_images: bool, secret: Option<SecretString>) -> Result<Vec<String>, Failure> {
        self.registry.provider(self.profile, knows_images, secret)?.check().await
    }

    fn paid_probe(&self) -> String {
        format!("`imagemill probe --profile {} --paid` tries it with one small picture.", self.profile.name)
    }

    fn model(&self, listed: &[String]) -> Finding {
        let model = &self.profile.model;
        if listed.contains(model) {
            return Finding::good(Check::Model, format!("the server lists {model}"));
        }
        let near = nearest(model, listed.iter().map(String::as_str));
        let fix = match near {
            Some(near) => format!("Perhaps {near} is meant: set `model` in [profiles.{}].", self.profile.name),
            None => format!("`imagemill probe --profile {} --json` lists the models of the server.", self.profile.name),
        };
        Finding::new(Check::Model, Level::Note, format!("the server does not list {model}")).fix(fix)
    }

    /// What the table of models has.
    fn entry(&self, entry: Option<&Capabilities>) -> Option<Finding> {
        let model = &self.profile.model;
        let (message, fix) = match entry {
            None => (
                format!("the table of models does not know {model} of {}", self.profile.provider),
                "Options are not checked and prices not known; docs/models.md says how to add an entry.",
            ),
            Some(entry) if entry.price.is_none() => (
                format!("the price of {model} is not known"),
                "A run needs --accept-unknown-price, or a price in your models file (docs/models.md).",
            ),
            Some(_) => return None,
        };
        Some(Finding::new(Check::Model, Level::Note, message).fix(fix))
    }
}

/// Where the secret is; never the secret.
fn credential(credential: &Credential) -> String {
    match credential {
        Credential::None => "needs no key".to_owned(),
        Credential::Env(name) => format!("the key is in {name}"),
        Credential::File(path) => match named_entry(&expand_home(path)) {
            Some(entry) => format!("the key {entry} is in the system's key store"),
            None => format!("the key is in the file {path}, which only its owner can read"),
        },
        Credential::Keyring(entry) => format!("the key {entry} is in the system's key store"),
    }
}

/// A variable is bound to no server, so a built-in profile's key may go where nobody meant it to.
fn goes_elsewhere(profile: &Profile, variable: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    let Credential::Env(name) = &profile.credential else { return None };
    let built_in = known_profiles().into_iter().filter_map(|(known, _)| built_in_profile(&known, variable));
    let owner = built_in.into_iter().find(|known| known.credential == profile.credential)?;
    let (own, here) = (server_of(&owner.base_url)?, server_of(&profile.base_url)?);
    let message = format!(
        "the variable {name} holds the key of {} ({own}), and this profile sends it to {here}: a variable is bound to no server",
        owner.name
    );
    let fix = format!(
        "If {here} has a key of its own, remove `credential` and give that key: imagemill profiles login {}. It is then bound to {here}.",
        profile.name
    );
    (own != here).then(|| Finding::new(Check::Credential, Level::Warning, message).fix(fix))
}

fn clock(off_us: i64) -> Finding {
    let seconds = off_us.abs() / 1_000_000;
    if off_us.abs() <= CLOCK_OFF_US {
        return Finding::good(Check::Clock, "this machine's clock agrees with the server's");
    }
    let direction = if off_us > 0 { "ahead of" } else { "behind" };
    Finding::new(Check::Clock, Level::Warning, format!("this machine's clock is {seconds} s {direction} the server's"))
        .fix("Set the clock: certificates and links with an expiry depend on it.")
}

fn fix_of_server(failure: &Failure) -> &'static str {
    let words = failure.message.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    // A server without TLS where https is written sends no certificate at all.
    let no_tls = says(&["corrupt message", "invalidcontenttype"]);
    if failure.kind == FailureKind::Invalid {
        "Correct base_url or the network rules of the profile (docs/config.md)."
    } else if no_tls {
        "The server does not speak TLS there: write http:// instead of https:// in base_url, or correct the port."
    } else if says(&["certificate", "tls", "handshake"]) {
        "The certificate is not one this machine trusts: check base_url, the clock, and whether a proxy sits in between."
    } else if says(&["dns", "resolve", "lookup", "name or service"]) {
        "The name does not exist or there is no network: check base_url and the connection."
    } else if says(&["refused"]) {
        "Nothing listens there: start the server, or correct base_url."
    } else {
        "Check the network and base_url; the provider may be down."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction() {
        assert_eq!(clock(30_000_000).level, Level::Good);
        assert!(clock(400_000_000).message.contains("400 s ahead"));
        assert!(clock(-400_000_000).message.contains("behind"));
    }

    #[test]
    fn what_to_do_follows_the_reason() {
        let fix = |words: &str| fix_of_server(&Failure::new(FailureKind::Transient, words));
        assert!(fix("a.example could not be reached: invalid peer certificate: Expired").contains("certificate"));
        assert!(fix("a.example could not be reached: failed to lookup address information").contains("name"));
        assert!(fix("a could not be reached: Connection refused (os error 111)").contains("Nothing listens"));
        assert!(fix_of_server(&Failure::new(FailureKind::Invalid, "x")).contains("base_url"));
    }
}
