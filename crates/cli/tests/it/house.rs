//! The invariants of ARCHITECTURE.md that can be read off the source: who imports whom, what stays where.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(crate_name: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("crates").join(crate_name).join("src"), &mut found);
    assert!(!found.is_empty(), "{crate_name} has sources");
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn crates() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("crates")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Code without comments and without its tests at the end of the file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn crates_import_only_what_architecture_allows() {
    let allowed = |name: &str| -> &[&str] {
        match name {
            "domain" | "testkit" | "providers" | "store" | "imaging" | "simulator" => match name {
                "domain" => &[],
                "simulator" => &["domain", "imaging"],
                _ => &["domain"],
            },
            "sources" | "briefs" | "decks" => &["domain", "imaging"],
            "engine" => &["domain", "imaging", "store", "providers"],
            "recipes" => &["domain", "decks", "engine"],
            "export" => &["domain", "imaging", "store"],
            "bench" => &["domain", "store"],
            "desk" => &[
                "domain",
                "briefs",
                "decks",
                "imaging",
                "sources",
                "store",
                "providers",
                "engine",
                "recipes",
                "export",
                "simulator",
            ],
            "server" => &["domain", "briefs", "decks", "imaging", "store", "providers", "engine", "export", "desk"],
            "cli" => &[
                "domain",
                "briefs",
                "decks",
                "imaging",
                "sources",
                "store",
                "providers",
                "engine",
                "export",
                "simulator",
                "desk",
                "server",
            ],
            other => panic!("{other} is not in ARCHITECTURE.md: say there who may import it and whom it imports"),
        }
    };
    for name in crates() {
        let manifest = std::fs::read_to_string(root().join("crates").join(&name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        let ours =
            dependencies.lines().filter_map(|line| line.strip_prefix("imagemill-")?.split(['.', ' ', '=']).next());
        for import in ours {
            assert!(allowed(&name).contains(&import), "{name} imports {import}");
        }
    }
}

#[test]
fn domain_knows_no_files_no_network_no_clock_and_no_chance() {
    for (path, text) in sources("domain") {
        for word in ["std::fs", "std::net", "std::env", "std::time", "SystemTime", "Instant", "rand::", "tokio"] {
            assert!(!code(&text).contains(word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn sql_stays_in_the_store() {
    for name in crates().iter().filter(|name| *name != "store") {
        for (path, text) in sources(name) {
            for word in ["rusqlite", "INSERT INTO", "SELECT ", "UPDATE "] {
                assert!(!code(&text).contains(word), "{} has SQL ({word})", path.display());
            }
        }
    }
}

#[test]
fn work_on_pixels_is_called_only_inside_the_pool() {
    for (path, text) in sources("engine") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let calls = code(&text).contains("imaging::ingest") || code(&text).contains("imaging::prepare");
        assert!(!calls || ["pictures.rs", "sources.rs"].contains(&name), "{name} works on pixels");
    }
}

#[test]
fn no_names_that_say_nothing() {
    for name in crates() {
        assert!(!["core", "common", "utils", "types", "helpers", "shared"].contains(&name.as_str()), "{name}");
        for (path, text) in sources(&name) {
            for word in ["Manager", "Handler", "Service", "Helper"] {
                let defined = ["struct", "enum", "trait"].iter().any(|kind| {
                    code(&text).lines().any(|line| {
                        line.split(&format!("{kind} ")).nth(1).is_some_and(|rest| {
                            rest.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|name| name.ends_with(word))
                        })
                    })
                });
                assert!(!defined, "{} defines a …{word}", path.display());
            }
        }
    }
}
