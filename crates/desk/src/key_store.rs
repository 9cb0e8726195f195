//! Keys in the system's own key store: Keychain on macOS, Credential Manager on Windows, Secret Service elsewhere. Only a build
//! with the feature `keyring` has it: machines without a desktop have no such store. Must not know profiles.

/// Reads the text of an entry, or says why not.
pub(crate) fn read(name: &str) -> Result<String, String> {
    system::read(name)
}

/// Writes an entry; one of the same name is replaced.
pub(crate) fn keep(name: &str, text: &str) -> Result<(), String> {
    system::keep(name, text)
}

/// Removes an entry; whether there was one.
pub(crate) fn forget(name: &str) -> Result<bool, String> {
    system::forget(name)
}

/// The store of this system. It speaks over sockets of its own and may wait for a person to unlock it, neither of which an async
/// thread allows, so that each question has a thread.
#[cfg(feature = "keyring")]
mod system {
    use keyring_core::{Entry, Error};

    /// Whose entries they are.
    const SERVICE: &str = "imagemill";

    pub(super) fn read(name: &str) -> Result<String, String> {
        ask(name, |entry| entry.get_password()).map_err(|error| match error {
            Error::NoEntry => format!("the system's key store has no key called {name}"),
            error => unusable(&error),
        })
    }

    pub(super) fn keep(name: &str, text: &str) -> Result<(), String> {
        ask(name, |entry| entry.set_password(text)).map_err(|error| unusable(&error))
    }

    pub(super) fn forget(name: &str) -> Result<bool, String> {
        match ask(name, |entry| entry.delete_credential()) {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(unusable(&error)),
        }
    }

    fn ask<T: Send>(name: &str, question: impl FnOnce(Entry) -> Result<T, Error> + Send) -> Result<T, Error> {
        let asked = || {
            // A test has set a store of its own.
            if keyring_core::get_default_store().is_none()
                && let Err(error) = keyring::Entry::store_status()
            {
                return Err(Error::NoStorageAccess(error.to_string().into()));
            }
            question(Entry::new(SERVICE, name)?)
        };
        std::thread::scope(|scope| scope.spawn(asked).join())
            .unwrap_or_else(|_| Err(Error::NoStorageAccess("it ended without an answer".into())))
    }

    fn unusable(error: &Error) -> String {
        format!(
            "the system's key store cannot be used: {error}. `imagemill profiles login` without --keyring keeps the key in a file of yours"
        )
    }
}

#[cfg(not(feature = "keyring"))]
mod system {
    const NOT_BUILT: &str = "this imagemill was built without the system's key store; build it with `--features keyring`, or give the key again: `imagemill profiles login` without --keyring keeps it in a file of yours";

    pub(super) fn read(_name: &str) -> Result<String, String> {
        Err(NOT_BUILT.to_owned())
    }

    pub(super) fn keep(_name: &str, _text: &str) -> Result<(), String> {
        Err(NOT_BUILT.to_owned())
    }

    pub(super) fn forget(_name: &str) -> Result<bool, String> {
        Err(NOT_BUILT.to_owned())
    }
}
