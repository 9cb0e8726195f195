use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::profile::Credential;

use super::*;

struct Case {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    flag: Option<&'static str>,
}

impl Case {
    fn new(user: &str, workspace: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("user.toml"), user).unwrap();
        std::fs::write(folder.path().join("imagemill.toml"), workspace).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder, variables, flag: None }
    }

    fn load(&self) -> Result<Config, DeskError> {
        load(&Sources {
            user_file: Some(self.folder.path().join("user.toml")),
            settings_file: self.folder.path().join("settings.toml"),
            workspace_file: self.folder.path().join("imagemill.toml"),
            variable: &|name| self.variables.get(name).cloned(),
            lang_flag: self.flag,
        })
    }
}

fn origin<'a>(config: &'a Config, path: &str) -> &'a Origin {
    &config.settings[&path.split('.').map(str::to_owned).collect::<Vec<_>>()].origin
}

#[test]
fn each_key_goes_flag_environment_workspace_user_default() {
    let nothing = Case::new("", "", &[]).load().unwrap();
    assert_eq!(nothing.confirm_above, Money::from_dollars(5.0));
    assert_eq!((nothing.picture_threads, nothing.log.as_str(), nothing.lang), (0, "info", None));
    assert_eq!(*origin(&nothing, "confirm_above"), Origin::Default);

    let user = "default_profile = \"u\"\nlang = \"en\"\nmodels_file = \"m.toml\"\ncatalogue_file = \"c.toml\"\nconfirm_above = 1\npicture_threads = 2\nlog = \"warn\"";
    let case = Case::new(user, "", &[]);
    let config = case.load().unwrap();
    assert_eq!(config.default_profile.as_deref(), Some("u"));
    assert_eq!(config.models_file, Some(case.folder.path().join("m.toml")), "relative to the file that names it");
    assert_eq!(config.catalogue_file, Some(case.folder.path().join("c.toml")));
    assert_eq!((config.picture_threads, config.log.as_str()), (2, "warn"));
    assert_eq!(config.confirm_above, Money::from_dollars(1.0));

    let workspace = "default_profile = \"w\"\nlog = \"\"";
    let config = Case::new(user, workspace, &[]).load().unwrap();
    assert_eq!(config.default_profile.as_deref(), Some("w"));
    assert_eq!(config.log, "warn", "empty is unset");

    let variables = [
        ("IMAGEMILL_PROFILE", "e"),
        ("IMAGEMILL_LANG", "zh_CN.UTF-8"),
        ("IMAGEMILL_MODELS_FILE", "/e.toml"),
        ("IMAGEMILL_CATALOGUE_FILE", "/c.toml"),
        ("IMAGEMILL_CONFIRM_ABOVE", "2.50"),
        ("IMAGEMILL_PICTURE_THREADS", "3"),
        ("IMAGEMILL_LOG", ""),
    ];
    let mut case = Case::new(user, workspace, &variables);
    let config = case.load().unwrap();
    assert_eq!(config.default_profile.as_deref(), Some("e"));
    assert_eq!((config.lang, config.picture_threads), (Some(Lang::ZhCn), 3));
    assert_eq!(config.confirm_above, Money::from_dollars(2.5));
    assert_eq!(config.models_file, Some("/e.toml".into()));
    assert_eq!(config.catalogue_file, Some("/c.toml".into()));
    assert_eq!(config.log, "warn");
    assert_eq!(*origin(&config, "default_profile"), Origin::Environment("IMAGEMILL_PROFILE".into()));
    case.flag = Some("en");
    let config = case.load().unwrap();
    assert_eq!((config.lang, origin(&config, "lang")), (Some(Lang::En), &Origin::Flag("--lang")));
}

#[test]
fn profiles_appear_with_their_variables() {
    let config = Case::new("", "", &[]).load().unwrap();
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["simulator"]);
    assert!(config.ready.is_empty(), "the simulator is never taken unasked");

    let all = [
        ("XAI_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("OPENROUTER_API_KEY", "k"),
        ("GROK2API_API_KEY", "k"),
        ("GROK2API_BASE_URL", "http://127.0.0.1:8000/v1"),
    ];
    let config = Case::new("", "", &all).load().unwrap();
    assert_eq!(config.ready, ["openai", "openrouter", "xai", "grok2api"]);
    let gateway = &config.profiles["grok2api"];
    assert_eq!(gateway.base_url, "http://127.0.0.1:8000/v1");
    assert!(gateway.network.allow_private_api && gateway.network.allow_private_downloads);
    assert!(!config.profiles["openai"].network.allow_private_api);
    let half = Case::new("", "", &[("GROK2API_API_KEY", "k"), ("OPENAI_API_KEY", "")]).load().unwrap();
    assert!(half.ready.is_empty(), "{:?}", half.ready);
}

#[test]
fn a_file_changes_single_keys_of_a_profile() {
    let user = "[profiles.openai]\nmodel = \"gpt-image-1\"\n[profiles.openai.credential]\nfile = \"~/key\"\n[profiles.mine]\nprovider = \"openai\"\nbase_url = \"https://x/v1\"";
    let config = Case::new(user, "[profiles.openai.limits]\nconcurrency = 2", &[]).load().unwrap();
    let openai = &config.profiles["openai"];
    assert_eq!((openai.name.as_str(), openai.model.as_str(), openai.limits.concurrency), ("openai", "gpt-image-1", 2));
    assert_eq!(openai.base_url, "https://api.openai.com/v1");
    assert_eq!(openai.credential, Credential::File("~/key".into()));
    assert_eq!(config.ready, ["mine", "openai"]);
}

#[test]
fn unknown_keys_are_told_and_bad_ones_have_a_caret() {
    let config = Case::new("confirm_abov = 3", "", &[]).load().unwrap();
    assert_eq!(config.unknown_keys[0].1, "confirm_abov");
    let error = Case::new("", "[profiles.p]\nmodle = \"m\"", &[]).load().unwrap_err();
    let DeskError::Written(fault) = error else { panic!("{error:?}") };
    assert!(fault.error.message.contains("unknown key `modle`"), "{}", fault.error.message);
    assert!(fault.error.help.as_ref().is_some_and(|help| help.contains("did you mean `model`?")), "{fault:?}");
    assert!(fault.file.ends_with("imagemill.toml") && fault.place() == (2, 1), "{fault:?}");
    assert!(Case::new("lang = \"fr\"", "", &[]).load().unwrap_err().to_string().contains("zh-CN"));
}

#[test]
fn what_was_set_in_the_console_lies_between_the_users_file_and_the_workspaces() {
    let case =
        Case::new("[profiles.p]\nmodel = \"u\"\nprovider = \"x\"", "[profiles.p]\nbase_url = \"https://w/v1\"", &[]);
    let path = case.folder.path().join("settings.toml");
    change_file(&path, |table| {
        let profile =
            Table::from_iter([("model", "c"), ("base_url", "https://c/v1")].map(|(k, v)| (k.to_owned(), v.into())));
        table.insert("profiles".into(), Value::Table(Table::from_iter([("p".to_owned(), Value::Table(profile))])));
    })
    .unwrap();
    let profile = &case.load().unwrap().profiles["p"];
    assert_eq!(
        (profile.model.as_str(), profile.provider.as_str(), profile.base_url.as_str()),
        ("c", "x", "https://w/v1")
    );
    change_file(&path, |table| drop(table.remove("profiles"))).unwrap();
    assert_eq!(case.load().unwrap().profiles["p"].model, "u");
}

#[test]
fn save_presets_come_from_files() {
    let config = Case::new("[save.mine]\nname = \"{src_stem}_x\"\nonly_first = true", "", &[]).load().unwrap();
    assert_eq!(config.save["mine"].name, "{src_stem}_x");
    assert!(config.save["mine"].only_first && config.save["mine"].manifest);
}

/// Providers whose prices are named in each answer, or that nobody told.
const UNPRICED: [&str; 11] = [
    "openrouter",
    "xai",
    "grok2api",
    "seedream",
    "sensenova",
    "fal",
    "replicate",
    "wavespeed",
    "comfy_router",
    "comfyui",
    "automatic1111",
];

#[test]
fn the_first_variable_that_is_set_counts() {
    let one = |variables: &[(&str, &str)], name: &str| {
        let config = Case::new("", "", variables).load().unwrap();
        assert_eq!(config.ready, [name], "{variables:?}");
        config.profiles[name].clone()
    };
    let gemini = one(&[("GOOGLE_API_KEY", "k"), ("GEMINI_API_KEY", "")], "gemini");
    assert_eq!(gemini.credential, Credential::Env("GOOGLE_API_KEY".into()));
    let both = one(&[("GOOGLE_API_KEY", "k"), ("GEMINI_API_KEY", "k")], "gemini");
    assert_eq!(both.credential, Credential::Env("GEMINI_API_KEY".into()));
    let sensenova = one(
        &[("SN_API_KEY", "k"), ("SN_BASE_URL", "https://token.sensenova.ai/v1"), ("SN_IMAGE_GEN_MODEL", "other")],
        "sensenova",
    );
    assert_eq!(sensenova.credential, Credential::Env("SN_API_KEY".into()));
    assert_eq!((sensenova.base_url.as_str(), sensenova.model.as_str()), ("https://token.sensenova.ai/v1", "other"));
    let local = one(&[("SDCPP_BASE_URL", "http://127.0.0.1:1234/v1")], "sdcpp");
    assert!(local.network.allow_private_api && local.credential == Credential::None);
    let touched = Case::new("[profiles.gemini]\nmodel = \"m\"", "", &[]).load().unwrap();
    assert_eq!(touched.profiles["gemini"].credential, Credential::Env("GEMINI_API_KEY".into()));
    assert!(known_profiles().iter().any(|(_, needs)| needs == &["GEMINI_API_KEY / GOOGLE_API_KEY"]));
}

#[test]
fn the_default_model_of_every_built_in_profile_is_in_the_table() {
    let table = CapabilityTable::parse(include_str!("../../../../../data/models.toml")).unwrap();
    for template in templates() {
        let text = |key: &str| template.profile.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (provider, model) = (text("provider"), text("model"));
        let entry = table.find(&provider, &model).unwrap_or_else(|| panic!("{provider} {model} is not in the table"));
        let priced = entry.price.as_ref().is_some_and(|price| !price.date.is_empty() && !price.source.is_empty());
        assert!(priced || UNPRICED.contains(&provider.as_str()), "{model} has no dated price");
    }
    for price in table.models.iter().filter_map(|entry| entry.price.as_ref()) {
        assert_eq!((price.date.len(), price.source.is_empty()), (10, false));
    }
}

#[test]
fn an_address_on_this_machine_is_recognised() {
    for yes in ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:80", "http://192.168.1.2:8000/v1"] {
        assert!(is_private(yes), "{yes}");
    }
    for no in ["https://api.openai.com/v1", "https://8.8.8.8/v1", "https://localhost.example.org"] {
        assert!(!is_private(no), "{no}");
    }
}

#[test]
fn a_kept_key_makes_a_profile_appear_and_goes_behind_variables_and_files() {
    let kept = |case: &Case, name: &str| {
        let file = key_file(&case.folder.path().join("keys"), name);
        crate::key_files::keep_key(&file, &"sk".into(), "https://a.example").unwrap();
        Credential::File(file.to_string_lossy().into_owned())
    };
    let user = "[profiles.studio]\nprovider = \"openai\"\n[profiles.fixed]\ncredential = { env = \"MINE\" }";
    let mut case = Case::new(user, "", &[]);
    let keys = ["openai", "studio", "fixed", "gone", "grok2api"].map(|name| kept(&case, name));
    let config = case.load().unwrap();
    assert_eq!((&config.profiles["openai"].credential, &config.profiles["studio"].credential), (&keys[0], &keys[1]));
    assert!(matches!(origin(&config, "profiles.openai.credential"), Origin::Login(_)));
    assert_eq!(config.ready[0], "openai");
    assert_eq!(config.profiles["fixed"].credential, Credential::Env("MINE".into()), "a person's file wins");
    assert!(!config.profiles.contains_key("gone"), "a key alone makes no profile");
    assert!(!config.profiles.contains_key("grok2api"), "its address is needed, too");
    case.variables.insert("OPENAI_API_KEY".into(), "sk".into());
    let config = case.load().unwrap();
    assert_eq!(config.profiles["openai"].credential, Credential::Env("OPENAI_API_KEY".into()));
}
