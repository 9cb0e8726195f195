use std::collections::BTreeSet;

use imagemill_domain::catalogue::{Content, Context, Fits, Needs, Ratio, Weight};

use super::*;

/// Names that requests of the reference system use; they stay.
const LAYOUTS: &str = "
    asymmetry axial-expansion bento-grid big-typography binary-comparison breaking-the-grid bridge center-focus
    chapter-layout character-guide circular-flow collage-glitch comic-strip comparison-matrix conflict-contrast
    containerization dashboard data-landscape deconstruction diagonal-composition disrupted-flow edge-tension
    editorial-vogue emotional-gradient f-pattern flashback four-quadrant-grid frame-composition
    full-bleed-image full-illustration funnel gallery-style generous-margins golden-ratio-split hard-alignment
    header-body heading-subheading hidden-details hierarchical-layers hub-spoke iceberg isometric-map
    isometric-tech-stack jigsaw left-image-right-text left-text-right-image linear-progression luxury-layout
    macro-closeup maximalism modular-repetition multi-directional multi-focal multi-scale nine-grid
    nonlinear-path one-way-flow overlapping panorama periodic-table random-scatter s-curve scene-unfolding
    single-focal-point single-object-art skewed-grid speech-bubbles spiral-vortex step-staircase story-mountain
    storyboard strong-perspective structural-breakdown swimlane swiss-grid text-wrap three-tier tile-layout
    top-image-bottom-text tree-branching ultra-minimalist venn-diagram visual-first visual-tension wave-path
    winding-roadmap z-pattern
";

const STYLES: &str = "
    aged-academia art-deco art-nouveau baroque bauhaus cartoon-flat chalkboard chinese-guochao claymation
    corporate-memphis crayon-hand-drawn cubism cyberpunk data-visualization deconstructivism double-exposure
    expressionism fashion-editorial film-photography flat-design fractal-art geometric-burst glitch-art
    high-contrast-ad holographic ikea-manual impressionism instructional-visual kawaii knolling lego-brick
    line-drawing liquid-metal luxury-minimal marker-style material-design minimalism mixed-media
    modern-ink-wash monochrome-illustration neon-futurism newspaper-collage op-art origami paper-collage
    parametric-design pen-sketch pixel-art scandinavian sci-fi-ui screen-print storybook-watercolor subway-map
    surreal-collage surrealism swiss-style synthwave tech-brand technical-diagram technical-schematic
    thick-paint ui-wireframe ukiyo-e vaporwave vintage-poster woodcut
";

/// Ratios that a request may ask for.
const RATIOS: [&str; 11] = ["9:21", "9:16", "2:3", "3:4", "4:5", "1:1", "5:4", "4:3", "3:2", "16:9", "21:9"];

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

#[test]
fn every_name_is_there_once() {
    let all = built_in();
    all.check().unwrap();
    let names: Vec<&str> = all.layouts.iter().map(|layout| layout.name.as_str()).collect();
    let wanted: BTreeSet<&str> = LAYOUTS.split_whitespace().collect();
    assert_eq!((names.len(), wanted.len()), (87, 87));
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), wanted);
    let names: Vec<&str> = all.styles.iter().map(|style| style.name.as_str()).collect();
    let wanted: BTreeSet<&str> = STYLES.split_whitespace().collect();
    assert_eq!((names.len(), wanted.len()), (66, 66));
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn every_file_of_the_folders_is_built_in() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let mut there = BTreeSet::new();
    for folder in ["layouts", "styles"] {
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            there.insert(format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()));
        }
    }
    assert_eq!(there, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn every_entry_is_got_by_some_request() {
    let all = built_in();
    for layout in &all.layouts {
        for &content in layout.fits.keys() {
            for (ratio, points, labels) in [
                (&layout.ratios.least, layout.points.least, layout.labels.most),
                (&layout.ratios.most, layout.points.most, layout.labels.least),
            ] {
                let needs =
                    Needs { ratio: Some(ratio.clone()), points: Some(points), labels: Some(labels), cjk: layout.cjk };
                let got = all.layouts_for(content, &needs);
                assert!(got.iter().any(|(got, _)| got.name == layout.name), "{} for {content:?}", layout.name);
            }
        }
    }
    for style in &all.styles {
        for &context in style.fits.keys() {
            let needs = Needs { labels: Some(style.most_labels), cjk: style.cjk, ..Needs::default() };
            assert!(all.styles_for(context, &needs).iter().any(|(got, _)| got.name == style.name), "{}", style.name);
        }
    }
}

#[test]
fn every_request_gets_something_and_has_one_first_choice() {
    fn first<T: Ord>(fits: &Fits<T>, word: &T) -> bool {
        fits.get(word).is_some_and(|weight| *weight == Weight::try_from(10).unwrap())
    }
    let all = built_in();
    for &content in Content::ALL {
        let firsts = all.layouts.iter().filter(|layout| first(&layout.fits, &content)).count();
        assert_eq!(firsts, 1, "{content:?}");
        for text in RATIOS {
            let needs = Needs { ratio: Some(ratio(text)), cjk: true, ..Needs::default() };
            assert!(!all.layouts_for(content, &needs).is_empty(), "nothing for {content:?} in {text}");
        }
    }
    for &context in Context::ALL {
        assert_eq!(all.styles.iter().filter(|style| first(&style.fits, &context)).count(), 1, "{context:?}");
        let needs = Needs { labels: Some(14), cjk: true, ..Needs::default() };
        assert!(!all.styles_for(context, &needs).is_empty(), "nothing for {context:?}");
    }
}

#[test]
fn ranges_are_sane_and_texts_are_in_both_languages() {
    let all = built_in();
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let titles = all.layouts.iter().map(|layout| (&layout.name, &layout.title, &layout.gist));
    for (name, title, gist) in titles.chain(all.styles.iter().map(|style| (&style.name, &style.title, &style.gist))) {
        for text in [title, gist] {
            assert!(text.zh.as_ref().is_some_and(|zh| chinese(zh.as_str())), "{name} has no Chinese");
            assert!(!chinese(text.en.as_str()), "{name}");
        }
        assert!(gist.en.as_str().chars().count() <= 80, "{name}: one line");
    }
    for layout in &all.layouts {
        let name = &layout.name;
        for bound in [&layout.ratios.least, &layout.ratios.most] {
            assert!(RATIOS.contains(&bound.to_string().as_str()), "{name}: {bound}");
        }
        assert!(layout.points.least >= 1 && layout.points.most <= 30, "{name}: {}", layout.points);
        assert!(layout.labels.least >= 1 && layout.labels.most <= 60, "{name}: {}", layout.labels);
        assert!(layout.labels.most >= layout.points.most, "{name}: a point without a word");
        let styles: BTreeSet<_> = layout.pairings.iter().collect();
        assert!(styles.len() == layout.pairings.len() && styles.len() >= 2, "{name}: {styles:?}");
    }
    assert!(all.styles.iter().all(|style| (8..=60).contains(&style.most_labels)));
}

#[test]
fn a_users_fault_has_its_place() {
    let place = |text: &str| {
        let fault = with_users(built_in(), Path::new("mine.toml"), text).unwrap_err();
        (fault.error.message.clone(), fault.place())
    };
    let entry = FILES[0].1.split("[[layout]]").nth(1).unwrap();
    let mine = format!("[[layout]]{entry}");
    with_users(built_in(), Path::new("mine.toml"), &mine).unwrap();
    let lines = mine.lines().count();
    let (message, at) = place(&format!("{mine}{mine}"));
    assert!(message.contains("two entries named linear-progression"), "{message}");
    assert_eq!(at.0, lines + 2, "the second of the two");
    let (message, at) = place(&mine.replace("ikea-manual", "ikea-manuel"));
    assert!(message.contains("ikea-manuel, which is not a style"), "{message}");
    assert_eq!(at.0, 2);
    let (message, at) = place(&mine.replace("timeline = 10", "timelin = 10"));
    assert!(message.contains("timelin") && at.0 == 5, "{message} {at:?}");
}
