//! The languages that texts exist in. Knows no text.

/// A language texts exist in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// From `zh-CN`, `zh_CN.UTF-8`, `en`, `C`, …; `None` for languages there are no texts in.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let language = word.split(['.', '@', '_', '-']).next().unwrap_or_default();
        match language {
            "zh" | "chinese" => Some(Self::ZhCn),
            "en" | "c" | "posix" | "english" => Some(Self::En),
            _ => None,
        }
    }

    /// The locale's language as the C library finds it; English when it is another one.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .and_then(|word| Self::from_word(&word))
            .unwrap_or_default()
    }

    /// The word by which people and browsers name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_when_nothing_else_does() {
        let of = |pairs: &[(&str, &str)]| {
            Lang::of_environment(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Lang::ZhCn);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), Lang::En);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")]), Lang::ZhCn);
        assert_eq!(of(&[("LANG", "fr_FR")]), Lang::En);
    }
}
