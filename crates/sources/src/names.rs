//! Names for source pictures that stay unique when several folders hold files of the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::walk::Candidate;

/// Puts the folder's own name in front of the names of every folder whose files would otherwise share a name with another
/// folder's; two parts of the folder's path when its own name is not enough, and so on.
pub(crate) fn make_unique(candidates: &mut [Candidate]) {
    // Parts of each root's path that go in front.
    let mut depth: BTreeMap<&Path, usize> = candidates.iter().map(|candidate| (candidate.root.as_path(), 0)).collect();
    let names = loop {
        let names: Vec<String> =
            candidates.iter().map(|one| prefixed(&one.root, depth[one.root.as_path()], &one.name)).collect();
        let mut first: BTreeMap<&str, &Candidate> = BTreeMap::new();
        let mut clashing: BTreeSet<&Path> = BTreeSet::new();
        for (name, candidate) in names.iter().zip(candidates.iter()) {
            let earlier = first.entry(name).or_insert(candidate);
            if earlier.path != candidate.path {
                clashing.extend([earlier.root.as_path(), candidate.root.as_path()]);
            }
        }
        let deeper: Vec<&Path> = clashing.into_iter().filter(|root| depth[root] < parts(root).count()).collect();
        if deeper.is_empty() {
            break names;
        }
        for root in deeper {
            *depth.entry(root).or_default() += 1;
        }
    };
    for (candidate, name) in candidates.iter_mut().zip(names) {
        candidate.name = name;
    }
}

fn parts(root: &Path) -> impl Iterator<Item = String> + '_ {
    root.components().filter_map(|part| match part {
        std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    })
}

fn prefixed(root: &Path, depth: usize, name: &str) -> String {
    if depth == 0 {
        return name.to_owned();
    }
    let all: Vec<String> = parts(root).collect();
    let mut out = all[all.len() - depth.min(all.len())..].to_vec();
    out.push(name.to_owned());
    out.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let mut candidates: Vec<Candidate> = files
            .iter()
            .map(|(root, name)| Candidate {
                path: Path::new(root).join(name),
                shown: String::new(),
                root: root.into(),
                name: (*name).to_owned(),
            })
            .collect();
        make_unique(&mut candidates);
        candidates.into_iter().map(|candidate| candidate.name).collect()
    }

    #[test]
    fn only_folders_that_clash_are_named() {
        assert_eq!(names(&[("/a", "1.png"), ("/b", "2.png")]), ["1.png", "2.png"]);
        assert_eq!(
            names(&[("/a", "1.png"), ("/a", "2.png"), ("/b", "1.png"), ("/c", "3.png")]),
            ["a/1.png", "a/2.png", "b/1.png", "3.png"]
        );
    }

    #[test]
    fn equal_folder_names_get_more_of_their_path() {
        assert_eq!(names(&[("/x/in", "1.png"), ("/y/in", "1.png")]), ["x/in/1.png", "y/in/1.png"]);
        assert_eq!(names(&[("/a", "1.png"), ("/b", "1.png"), ("/c", "a/1.png")]), ["a/1.png", "b/1.png", "c/a/1.png"]);
        assert_eq!(names(&[("/", "a/1.png"), ("/a", "2.png")]), ["a/1.png", "2.png"]);
    }

    #[test]
    fn the_same_file_twice_is_no_clash() {
        assert_eq!(names(&[("/a", "1.png"), ("/a", "1.png")]), ["1.png", "1.png"]);
    }
}
