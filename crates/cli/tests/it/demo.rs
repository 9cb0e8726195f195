//! The demo, as a newcomer sees it.

use crate::world::World;

#[test]
fn the_demo_tells_a_whole_story_and_can_be_repeated() {
    let world = World::new();
    let ran = world.run(&["demo"]).code(0);
    for word in ["9 succeeded", "refused", "rate limit", "contact-sheet.jpg", "gpt-image-2", "OPENAI_API_KEY"] {
        assert!(ran.out.contains(word), "{word} in\n{}", ran.out);
    }
    let pairs = world.path().join("imagemill-demo/pairs");
    assert!(pairs.join("001_start.png").is_file() && pairs.join("manifest.json").is_file());
    let ends = ["001_end.png", "010_end.png"].iter().filter(|name| pairs.join(name).is_file()).count();
    assert!(ends >= 1, "one of the two may be the refused one");
    assert!(ran.err.contains("the same bytes as"), "{}", ran.err);
    world.folder.write("imagemill-demo/pairs/old.png", b"from before");
    let again = world.run(&["demo", "--json"]).code(0);
    assert_eq!(again.last_json()["type"], "demo");
    assert!(!pairs.join("old.png").exists(), "the demo starts from its beginning");
}

#[test]
fn the_demo_leaves_foreign_folders_alone() {
    let world = World::new();
    world.folder.write("imagemill-demo/photos/mine.png", b"mine");
    let ran = world.run(&["demo"]).code(3);
    assert!(ran.err.contains("--folder"), "{}", ran.err);
    assert_eq!(std::fs::read(world.path().join("imagemill-demo/photos/mine.png")).unwrap(), b"mine");
}
