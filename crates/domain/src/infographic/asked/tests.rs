//! Requests as people write them.

use proptest::prelude::*;

use super::*;

fn read(request: &str) -> Asked {
    let layouts = include_str!("../../../../../data/layouts/relations.toml");
    let styles = include_str!("../../../../../data/styles/crafts.toml");
    let mut catalogue = Catalogue::parse(layouts).unwrap();
    catalogue.styles = Catalogue::parse(styles).unwrap().styles;
    read_request(request, &InfographicSection::default(), &catalogue)
}

fn taken(asked: &Asked) -> Vec<(&str, &str)> {
    asked.taken.iter().map(|taken| (taken.key.as_str(), taken.value.as_str())).collect()
}

#[test]
fn pairs_are_taken_from_anywhere() {
    let asked =
        read("The water cycle max_rounds=3 for children aspect_ratio=4:3, output_mode=VERBOSE layout=hub-spoke");
    assert_eq!(asked.text, "The water cycle for children , ".trim_end_matches([',', ' ']));
    assert_eq!((asked.rounds, asked.output, asked.ratio.as_deref()), (3, Output::Verbose, Some("4:3")));
    assert_eq!(asked.layout.as_deref(), Some("hub-spoke"));
    assert_eq!(asked.taken[0].words, "max_rounds=3");
}

#[test]
fn bad_values_are_told_and_defaults_hold() {
    let asked = read("Tea aspect_ratio=5:3 max_rounds=99 prompts_expand_mode=maybe style=nothing");
    assert_eq!((asked.rounds, asked.ratio.as_deref(), asked.expand), (8, None, Expand::Auto));
    assert_eq!(asked.warnings.len(), 4, "{:?}", asked.warnings);
    assert_eq!(asked.warnings[0], "style=nothing names no style of the catalogue and stays in the request");
    assert_eq!(asked.text, "Tea style=nothing", "what is no style is part of the subject");
    let possible: Vec<_> = taken(&asked).into_iter().filter(|(_, value)| !value.is_empty()).collect();
    assert_eq!(possible, [("max_rounds", "99")]);
}

#[test]
fn directives_stand_before_or_behind_the_subject() {
    for (request, text, expected) in [
        ("3 rounds, verbose: no", "verbose: no", vec![("max_rounds", "3")]),
        (
            "How tea is made, 9:16, verbose",
            "How tea is made",
            vec![("aspect_ratio", "9:16"), ("output_mode", "verbose")],
        ),
        (
            "详细，茶的制作，3 轮，比例 3:4",
            "茶的制作",
            vec![("output_mode", "verbose"), ("max_rounds", "3"), ("aspect_ratio", "3:4")],
        ),
        ("茶的制作（强制扩写）", "茶的制作", vec![("prompts_expand_mode", "force")]),
        (
            "verbose 2 rounds 4k\nHow tea is made",
            "How tea is made",
            vec![("output_mode", "verbose"), ("max_rounds", "2"), ("image_size", "4k")],
        ),
        ("How tea is made; aspect ratio: 1:1", "How tea is made", vec![("aspect_ratio", "1:1")]),
        ("重试 4 次，水循环", "水循环", vec![("max_rounds", "4")]),
    ] {
        let asked = read(request);
        assert_eq!((asked.text.as_str(), taken(&asked)), (text, expected), "{request}");
    }
}

/// What bit the reference: words of the subject that look like settings.
#[test]
fn words_of_the_subject_are_left_alone() {
    for request in [
        "3 rounds of boxing explained",
        "How to hold 1:1 meetings",
        "Our team won 4:3",
        "一张极简洁的海报",
        "A verbose guide to tea",
        "4k televisions compared",
        "Compare 2k and 4k, then explain 8k",
        "详细的茶叶分类",
        "friendly",
        "verbose, 3 rounds",
    ] {
        let asked = read(request);
        assert_eq!((asked.text.as_str(), taken(&asked)), (request, vec![]), "{request}");
    }
}

#[test]
fn what_was_typed_stands_above_what_the_request_says() {
    let given = InfographicSection { rounds: Some(2), expand: Some(Expand::Disable), ..InfographicSection::default() };
    let asked = read_request("Tea, 5 rounds, force expand", &given, &Catalogue::default());
    assert_eq!((asked.rounds, asked.expand, asked.text.as_str()), (2, Expand::Disable, "Tea"));
}

proptest! {
    /// Whatever is written: places are those of the request, and nothing but what is told is lost.
    #[test]
    fn places_are_true(request in "[ a-z0-9,:=，轮k详细\n]{0,60}") {
        let asked = read(&request);
        for taken in &asked.taken {
            prop_assert_eq!(&request[taken.start..taken.end], taken.words.as_str());
        }
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let lost: usize = asked.taken.iter().map(|taken| letters(&taken.words)).sum();
        prop_assert_eq!(letters(&request), letters(&asked.text) + lost);
        prop_assert!((1..=8).contains(&asked.rounds));
    }
}
