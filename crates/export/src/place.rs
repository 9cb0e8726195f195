//! Where a picture goes when its name is taken. Pictures that belong together (result, source copy, text) move together, so
//! that a pair never loses its relation.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::save_rule::Collision;

use crate::folder::{Folder, There};

/// Names tried before giving up; only a folder full of strangers' files gets there.
const MOST_TRIES: u64 = 100_000;

/// One file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Path below the output folder without suffix, with `/`.
    pub(crate) stem: String,
    /// Suffix without dot.
    pub(crate) suffix: &'static str,
    /// Whose file it is: files of one owner may share a name. A picture is its own owner.
    pub(crate) owner: ContentHash,
    /// What it will hold.
    pub(crate) content: ContentHash,
    /// Length, where it is known without reading.
    pub(crate) bytes: Option<u64>,
}

impl Wanted {
    /// Whether `file` is the wanted name, with a number or without.
    pub(crate) fn has_form(&self, file: &str) -> bool {
        number_in(self, file).is_some()
    }
}

/// The text beside a picture. It may name the file, so what it holds is known only with the file's name.
pub(crate) struct Text<'a> {
    /// Whose it is: the result's, whatever it holds.
    pub(crate) owner: ContentHash,
    /// From the picture's file to the text.
    pub(crate) of: &'a dyn Fn(&str) -> String,
}

impl Text<'_> {
    fn wanted(&self, picture: &Wanted, number: u64) -> Wanted {
        let text = (self.of)(&file_of(picture, number));
        let (content, bytes) = (ContentHash::of(text.as_bytes()), Some(text.len() as u64));
        Wanted { stem: picture.stem.clone(), suffix: "txt", owner: self.owner, content, bytes }
    }
}

/// What is to be done for one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    Write,
    /// The same bytes are there.
    Nothing,
    /// Something else is there, and it stays.
    Leave,
}

/// Where a group goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Path and task of each file, in the order of the group.
    At(Vec<(String, Todo)>),
    /// The first file's name is taken and the rule says to leave it.
    Skipped,
    /// No name was free, in plain words.
    Nowhere(String),
}

/// A name that one of our files has.
#[derive(Clone, Copy, Debug)]
struct Claim {
    owner: ContentHash,
    when: When,
}

#[derive(Clone, Copy, Debug)]
enum When {
    /// Placed in this run.
    Now,
    /// Placed by an earlier save. `content` is what was written then.
    Earlier { content: ContentHash, alive: bool },
}

/// The hash of a path; letters without regard to case, because on some systems `A.png` is `a.png`.
type PathKey = [u8; 16];

/// All names that are ours, and the rule for those that are not.
#[derive(Debug)]
pub(crate) struct Places {
    collision: Collision,
    dry_run: bool,
    claims: HashMap<PathKey, Claim>,
    /// Files that are never replaced: the job's sources.
    protected: HashSet<PathKey>,
    /// The last number used for a name.
    last: HashMap<PathKey, u64>,
}

impl Places {
    pub(crate) fn new(collision: Collision, dry_run: bool) -> Self {
        Self { collision, dry_run, claims: HashMap::new(), protected: HashSet::new(), last: HashMap::new() }
    }

    /// Remembers what an earlier save wrote. A file that is not `alive` belongs to a result that the job no longer has.
    pub(crate) fn remember(&mut self, file: &str, owner: ContentHash, content: ContentHash, alive: bool) {
        self.claims.insert(key(file), Claim { owner, when: When::Earlier { content, alive } });
    }

    /// Keeps a name free of pictures.
    pub(crate) fn reserve(&mut self, file: &str) {
        self.claims.insert(key(file), Claim { owner: ContentHash([0; 32]), when: When::Now });
    }

    /// Never replaces the file at this absolute path.
    pub(crate) fn protect(&mut self, path: &Path) {
        self.protected.insert(key(&path.to_string_lossy()));
    }

    /// Whether this run has a file of that name.
    pub(crate) fn is_placed_now(&self, file: &str) -> bool {
        self.claims.get(&key(file)).is_some_and(|claim| matches!(claim.when, When::Now))
    }

    /// Finds the names for a group of files that belong together: pictures, of which the first leads, and behind them the
    /// text that goes beside the first. `earlier` is the file that the first one became in an earlier save.
    pub(crate) fn place(
        &mut self,
        group: &[Wanted],
        text: Option<&Text<'_>>,
        earlier: Option<&str>,
        folder: &Folder,
    ) -> Placed {
        let Some(first) = group.first() else { return Placed::Skipped };
        let twice = |at: usize| group[..at].iter().any(|other| key(&file_of(other, 1)) == key(&file_of(&group[at], 1)));
        if (1..group.len()).any(twice) {
            let name = file_of(first, 1);
            return Placed::Nowhere(format!(
                "result and source would both be named {name}; change name or source_name"
            ));
        }
        let lead = key(&file_of(first, 1));
        let remembered = earlier.and_then(|file| number_in(first, file));
        let next = self.last.get(&lead).map_or(2, |last| last + 1);
        for number in remembered.into_iter().chain([1]).chain(next..next + MOST_TRIES) {
            let text = text.map(|text| text.wanted(first, number));
            let all = || group.iter().chain(&text);
            let states: Vec<State> = all().map(|wanted| self.state(wanted, number, folder)).collect();
            match self.decide(&states) {
                Decision::Take(todos) => {
                    let files: Vec<String> = all().map(|wanted| file_of(wanted, number)).collect();
                    for ((file, wanted), todo) in files.iter().zip(all()).zip(&todos) {
                        if *todo != Todo::Leave {
                            self.claims.insert(key(file), Claim { owner: wanted.owner, when: When::Now });
                        }
                    }
                    self.last.entry(lead).and_modify(|last| *last = number.max(*last)).or_insert(number);
                    return Placed::At(files.into_iter().zip(todos).collect());
                }
                Decision::Skip => return Placed::Skipped,
                Decision::Next => {}
            }
        }
        Placed::Nowhere(format!("no free name was found for {}", file_of(first, 1)))
    }

    fn state(&self, wanted: &Wanted, number: u64, folder: &Folder) -> State {
        let file = file_of(wanted, number);
        let claim = self.claims.get(&key(&file));
        match claim {
            Some(claim) if claim.owner == wanted.owner => {
                if matches!(claim.when, When::Now) && self.dry_run {
                    return State::Same;
                }
            }
            Some(Claim { when: When::Earlier { alive: false, .. }, .. }) | None => {}
            Some(_) => return State::Ours,
        }
        match folder.look(&file, &wanted.content, wanted.bytes) {
            There::Nothing => State::Free,
            There::Same => State::Same,
            There::Other if self.protected.contains(&key(&folder.path(&file).to_string_lossy())) => State::Ours,
            There::Other => match claim {
                // Our own text with new words: ours to replace, unless a person has written in it since.
                Some(Claim { owner, when: When::Earlier { content, .. } })
                    if *owner == wanted.owner && wanted.owner != wanted.content =>
                {
                    if folder.look(&file, content, None) == There::Same { State::Free } else { State::Edited }
                }
                _ => State::Foreign,
            },
        }
    }

    fn decide(&self, states: &[State]) -> Decision {
        if self.collision == Collision::Skip {
            // Of files that belong together none is left behind.
            if states.iter().any(|state| matches!(state, State::Ours | State::Foreign)) {
                return Decision::Skip;
            }
        } else if states.contains(&State::Ours)
            || (self.collision == Collision::Suffix && states.contains(&State::Foreign))
        {
            return Decision::Next;
        }
        let todo = |state: &State| match (state, self.collision) {
            (State::Free, _) | (State::Foreign | State::Edited, Collision::Overwrite) => Todo::Write,
            (State::Same, _) => Todo::Nothing,
            (State::Ours | State::Foreign | State::Edited, _) => Todo::Leave,
        };
        Decision::Take(states.iter().map(todo).collect())
    }
}

/// What there is at a name, as far as one file is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Same,
    /// One of our other files has it, or it is a source: never replaced.
    Ours,
    /// Somebody else's file.
    Foreign,
    /// Our text, changed by a person.
    Edited,
}

enum Decision {
    Take(Vec<Todo>),
    Skip,
    Next,
}

fn file_of(wanted: &Wanted, number: u64) -> String {
    let Wanted { stem, suffix, .. } = wanted;
    if number == 1 { format!("{stem}.{suffix}") } else { format!("{stem}_{number}.{suffix}") }
}

/// The number that `file` has as a form of `wanted`; `None` when it is named otherwise.
fn number_in(wanted: &Wanted, file: &str) -> Option<u64> {
    let stem = file.strip_suffix(wanted.suffix)?.strip_suffix('.')?;
    match stem.strip_prefix(wanted.stem.as_str())? {
        "" => Some(1),
        rest => rest.strip_prefix('_')?.parse().ok().filter(|number| *number > 1),
    }
}

fn key(path: &str) -> PathKey {
    let mut out = [0; 16];
    let hash = blake3::hash(path.to_lowercase().as_bytes());
    out.copy_from_slice(&hash.as_bytes()[..16]);
    out
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn wanted(stem: &str, content: &str) -> Wanted {
        let hash = ContentHash::of(content.as_bytes());
        Wanted { stem: stem.into(), suffix: "png", owner: hash, content: hash, bytes: Some(content.len() as u64) }
    }

    fn place(places: &mut Places, folder: &Folder, group: &[(&str, &str)], earlier: Option<&str>) -> String {
        let group: Vec<Wanted> = group.iter().map(|(stem, content)| wanted(stem, content)).collect();
        match places.place(&group, None, earlier, folder) {
            Placed::At(files) => {
                files.iter().map(|(file, todo)| format!("{file} {todo:?}")).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_group_moves_together() {
        let temporary = tempfile::tempdir().unwrap();
        fs::write(temporary.path().join("b.png"), "stranger").unwrap();
        let folder = Folder::open(temporary.path(), false).unwrap();
        let mut places = Places::new(Collision::Suffix, true);
        let mut at = |group: &[(&str, &str)]| place(&mut places, &folder, group, None);
        assert_eq!(at(&[("a", "1"), ("s", "x")]), "a.png Write, s.png Write");
        assert_eq!(at(&[("a", "2"), ("s", "x")]), "a_2.png Write, s_2.png Write", "the pair stays a pair");
        assert_eq!(at(&[("c", "3"), ("s", "x")]), "c.png Write, s.png Nothing", "one source serves two results");
        assert_eq!(
            at(&[("d", "4"), ("b", "x")]),
            "d_2.png Write, b_2.png Write",
            "a stranger in the way of one moves both"
        );
        assert_eq!(at(&[("A", "5")]), "A_3.png Write", "A and a are one name on some systems");
        assert_eq!(at(&[("a", "1")]), "a.png Nothing", "the same bytes at the wanted name");
        assert!(at(&[("e", "6"), ("e", "x")]).contains("both be named e.png"));
    }

    #[test]
    fn policies() {
        let temporary = tempfile::tempdir().unwrap();
        for (name, content) in [("same.png", "1"), ("other.png", "stranger"), ("source.png", "precious")] {
            fs::write(temporary.path().join(name), content).unwrap();
        }
        let folder = Folder::open(temporary.path(), false).unwrap();
        for (collision, other, twice, source) in [
            (Collision::Skip, "Skipped", "Skipped", "Skipped"),
            (Collision::Suffix, "other_2.png Write", "new_2.png Write", "source_2.png Write"),
            (Collision::Overwrite, "other.png Write", "new_2.png Write", "source_2.png Write"),
        ] {
            let mut places = Places::new(collision, true);
            places.protect(&folder.path("source.png"));
            let mut at = |stem: &str, content: &str| place(&mut places, &folder, &[(stem, content)], None);
            assert_eq!(at("same", "1"), "same.png Nothing", "{collision:?}");
            assert_eq!(at("other", "2"), other, "{collision:?}");
            assert_eq!(at("new", "3"), "new.png Write", "{collision:?}");
            assert_eq!(at("new", "4"), twice, "{collision:?}: a result never replaces its sibling");
            assert_eq!(at("source", "5"), source, "{collision:?}: a source is never replaced");
        }
    }

    #[test]
    fn earlier_names_are_kept_and_kept_free() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path(), false).unwrap();
        let hash = |content: &str| ContentHash::of(content.as_bytes());
        let mut places = Places::new(Collision::Overwrite, true);
        places.remember("a_2.png", hash("2"), hash("2"), true);
        places.remember("a.png", hash("1"), hash("1"), true);
        places.remember("b.png", hash("gone"), hash("gone"), false);
        assert_eq!(place(&mut places, &folder, &[("a", "3")], None), "a_3.png Write", "both names are somebody's");
        assert_eq!(place(&mut places, &folder, &[("a", "2")], Some("a_2.png")), "a_2.png Write");
        assert_eq!(place(&mut places, &folder, &[("b", "4")], None), "b.png Write", "its result is gone");
        assert_eq!(
            place(&mut places, &folder, &[("c", "1")], Some("a.png")),
            "c.png Write",
            "another rule, another name"
        );
    }

    #[test]
    fn many_results_of_one_name_take_linear_time() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path(), false).unwrap();
        let mut places = Places::new(Collision::Suffix, true);
        for number in 1..=3_000_u64 {
            let expected = if number == 1 { "x.png Write".to_owned() } else { format!("x_{number}.png Write") };
            assert_eq!(place(&mut places, &folder, &[("x", &number.to_string())], None), expected);
        }
    }
}
