//! Values that may be secret are shown as dots, whoever asks.

use toml::Value;

/// Stands for a secret.
pub const MASK: &str = "••••••••";

/// Whether a key's value is likely to be a secret.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["authorization", "api-key", "api_key", "apikey", "token", "secret", "password", "cookie"]
        .iter()
        .any(|word| key.contains(word))
        && !key.ends_with("token_field")
}

/// A value as text, with what may be a secret left out.
pub fn masked(key: &str, value: &Value) -> String {
    match value {
        // A credential names a variable or a file, never the secret.
        Value::Table(table) if !key.ends_with(".credential") => {
            let mut table = table.clone();
            for (name, value) in &mut table {
                if is_secret(name) {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Table(table).to_string()
        }
        Value::Table(_) => value.to_string(),
        _ if is_secret(key) => format!("{MASK:?}"),
        _ => value.to_string(),
    }
}
