//! Profiles, presets, rules, costs: what is set and what is told about it.

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_made_tested_and_forgotten() {
    let world = World::new().await;
    let test = world.post("/profiles/simulator/test", json!({})).await.ok();
    assert_eq!(test["ok"], true, "{test:#}");
    assert!(!world.get("/profiles/simulator/models").await.ok()["names"].as_array().unwrap().is_empty());
    let body = json!({"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m", "limits": {"concurrency": 2},
        "credential": {"kind": "key", "value": "sk-very-secret"}, "network": {"allow_private_api": true}});
    world.put("/profiles/mine", body).await.ok();
    world.put("/profiles/mine", json!({"model": "n"})).await.ok();
    let profiles = world.get("/profiles").await.ok();
    let mine =
        profiles["profiles"].as_array().unwrap().iter().find(|profile| profile["name"] == "mine").unwrap().clone();
    assert_eq!(
        (&mine["model"], &mine["limits"]["concurrency"], &mine["ready"]),
        (&"n".into(), &2.into(), &true.into())
    );
    assert_eq!((&mine["origin"], &mine["editable"]), (&"console".into(), &true.into()));
    let test = world.post("/profiles/mine/test", json!({})).await.ok();
    assert_eq!(
        (&test["ok"], &test["checks"][0]["ok"], &test["checks"][1]["ok"]),
        (&false.into(), &true.into(), &false.into())
    );
    let moved = json!({"base_url": "http://127.0.0.1:10/v1"});
    let refused = world.put("/profiles/mine", moved.clone()).await.refused(400, "usage");
    assert!(refused["detail"].as_str().unwrap().contains("http://127.0.0.1:9"), "{refused:#}");
    world.put("/profiles/mine", json!({"base_url": "http://127.0.0.1:9/v2"})).await.ok();
    let export = world.get("/profiles/export").await.ok();
    assert!(export["profiles"]["mine"].is_object());
    for path in ["/profiles", "/profiles/export", "/config", "/audit"] {
        assert!(!world.get(path).await.ok().to_string().contains("sk-very-secret"), "{path}");
    }
    world.get("/profiles/export?credentials=true").await.refused(403, "local_only");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = std::fs::metadata(world.folder.path().join(".imagemill/keys/mine")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    world.delete("/profiles/mine").await.ok();
    assert!(!world.folder.path().join(".imagemill/keys/mine").exists());
    let again = world.post("/profiles/import", export).await.ok();
    assert!(again["profiles"].as_array().unwrap().contains(&"mine".into()), "{again:#}");
    world.delete("/profiles/simulator").await;
    world.put("/profiles/x", json!({"provider": "openai", "modle": "m"})).await.refused(400, "usage");
    world.put("/profiles/..%2f..%2fx", json!({"provider": "openai"})).await.refused(400, "usage");
}

#[tokio::test]
async fn a_file_of_a_persons_is_not_written_into() {
    let world = World::new().await;
    let text = "# mine\n[profiles.hand]\nprovider = \"openai\"\nmodel = \"m\"\n";
    world.folder.write("imagemill.toml", text);
    world.put("/profiles/other", json!({"provider": "openai"})).await.ok();
    world.put("/profiles/hand", json!({"model": "n"})).await.refused(409, "conflict");
    assert_eq!(std::fs::read_to_string(world.folder.path().join("imagemill.toml")).unwrap(), text);
}

#[tokio::test]
async fn the_other_consoles_files_are_taken() {
    let world = World::new().await;
    let config = json!({"api_url": "https://api.openai.com/v1/chat/completions", "api_key": "sk-old", "model_name": "grok-imagine",
        "concurrency_limit": 99, "timeout_seconds": 120, "api_mode": "auto", "token_field": "max_tokens",
        "unlock_local_api_url": "yes", "user_prompt": "make it night"});
    let mut masked = config.clone();
    masked["api_key"] = "********".into();
    let taken = world.post("/profiles/import", json!({"night": config, "masked": masked})).await.ok();
    assert_eq!(taken["profiles"], json!(["masked", "night"]));
    assert!(taken["warnings"].to_string().contains("no key"), "{taken:#}");
    let all = world.get("/profiles").await.ok();
    let night = all["profiles"].as_array().unwrap().iter().find(|profile| profile["name"] == "night").unwrap().clone();
    assert_eq!((&night["limits"]["concurrency"], &night["network"]["allow_private_api"]), (&64.into(), &true.into()));
    let state = json!({"tasks": {"a": {}, "b": {}}, "task_order": ["a", "b"], "current_config": config});
    let taken = world.post("/profiles/import", state).await.ok();
    assert_eq!(taken["profiles"], json!(["imported"]));
    assert!(taken["jobs_hint"].as_str().unwrap().starts_with("2 tasks"));
    world.post("/profiles/import", json!({"hello": 1})).await.refused(400, "usage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_presets_and_tables() {
    let world = World::new().await;
    world.generated("a", 2).await;
    world.put("/save-rules/mine", json!({"name": "{src_stem}_x", "only_first": true})).await.ok();
    let rules = world.get("/save-rules").await.ok();
    let mine = rules["presets"].as_array().unwrap().iter().find(|rule| rule["name"] == "mine").unwrap().clone();
    assert_eq!((&mine["built_in"], &mine["rule"]["only_first"]), (&false.into(), &true.into()));
    world.put("/save-rules/edit_pairs", json!({})).await.refused(409, "conflict");
    world.put("/save-rules/bad", json!({"nme": 1})).await.refused(400, "usage");
    world.delete("/save-rules/mine").await.ok();
    world.delete("/save-rules/mine").await.refused(404, "not_found");
    let job = json!({"recipe": "generate", "prompt": "a barn"});
    world.put("/presets/barn", job.clone()).await.ok();
    assert_eq!(world.get("/presets").await.ok()["presets"], json!([{"name": "barn", "job": job}]));
    world.put("/presets/bad", json!({"recipe": "paint"})).await.refused(400, "usage");
    world.delete("/presets/barn").await.ok();
    let costs = world.get("/costs?by=model").await.ok();
    assert_eq!((&costs["total"]["calls"], &costs["groups"][0]["pictures"]), (&2.into(), &2.into()));
    world.get("/costs?by=colour").await.refused(400, "usage");
    assert!(world.get("/models").await.ok()["models"].as_array().unwrap().len() > 10);
    assert_eq!(world.get("/reconcile").await.ok()["calls"], json!([]));
    world.post("/reconcile", json!({"calls": [7], "as": "charged"})).await.refused(404, "not_found");
    let about = world.get("/about").await.ok();
    assert_eq!((&about["runs"], &about["remote"]), (&true.into(), &false.into()));
    assert_eq!(world.get("/jobs?state=finished").await.ok()["items"].as_array().unwrap().len(), 1);
    world.get("/jobs?state=sleeping").await.refused(400, "usage");
    world.get("/config").await.ok();
    assert_eq!(world.get("/folders").await.ok()["path"], about["workspace"]);
}
