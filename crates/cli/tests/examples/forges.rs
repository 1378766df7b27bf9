//! The workflows of Forgejo and Gitea, for a push to the default branch; and that the action knows what they give it.

use snowbank_testkit::runner::Job;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::tools::repository;

use crate::kit::{BINARY, MAIN, Machine, REPO, closure};
use crate::workflow::Run;
use crate::yaml::{fields, read, steps};

#[test]
fn the_workflows_give_the_action_what_it_knows() {
    let action = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let inputs = action.split("\noutputs:").next().unwrap();
    for name in ["forgejo/build.yml", "gitea/build.yml", "github/comfyui.yml"] {
        let steps = steps(&read(name));
        let ours = |step: &&serde_json::Value| {
            step["uses"].as_str().is_some_and(|uses| uses.ends_with("OWNER/snowbank@v1"))
        };
        let ours: Vec<_> = steps.iter().filter(ours).collect();
        assert_eq!(ours.len(), 1, "{name}");
        let known: Vec<_> =
            inputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).collect();
        fields(&ours[0]["with"], &known).for_each(drop);
    }
}

#[test]
fn the_store_is_kept_on_the_server_from_run_to_run() {
    for (name, seed) in [("forgejo/build.yml", 31), ("gitea/build.yml", 41)] {
        let (workflow, made) = (read(name), closure(seed));
        let server = Snowbank::builder(BINARY).start();
        let token = server.token(REPO, &[MAIN]);
        let known = |expression: &str| match expression {
            "secrets.SNOWBANK_TOKEN" => Some(token.clone()),
            _ if expression.contains("secrets.SNOWBANK_READER") => Some(token.clone()),
            _ if expression.ends_with("'always'") || expression.ends_with("'never'") => {
                Some("always".to_owned())
            }
            _ => None,
        };
        let url = format!("{}/", server.url());
        let run = || {
            let machine = Machine::that_builds(&made);
            // Their runners have no cache service of their own to tell of.
            let job = Job::new("", "")
                .env("SNOWBANK_STORE", machine.store().display().to_string())
                .env("PATH", machine.path());
            let said = Run::new(job, &known, &[("https://cache.example.org/", &url)]).finish(&workflow);
            assert!(machine.has(&made), "{name}: {said}");
            said
        };
        let said = run();
        assert!(said.contains("\nbuilt\n") && said.contains("saved as nix-linux-"), "{name}: {said}");
        let said = run();
        assert!(said.contains("nothing to build"), "{name}: {said}");
    }
}
